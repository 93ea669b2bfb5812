// Http serves orders: each request is an event, and what its handler publishes is linked to it.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
	"github.com/oxbow-events/oxbow/store/memory"
)

type OrderPlaced struct{ OrderID string }

func main() {
	handler, err := service(oxbow.New(memory.New(), oxbow.Config{Source: "/shop"}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("curl -i -X POST -H 'X-Correlation-ID: checkout-7' http://127.0.0.1:8080/orders/42")
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", handler))
}

func service(app *oxbow.App) (http.Handler, error) {
	oxbow.Subscribe(app, func(_ context.Context, e event.Event[OrderPlaced]) error {
		fmt.Println("order", e.Data.OrderID, "in", e.CorrelationID)
		return nil
	})
	oxbow.Subscribe(app, func(_ context.Context, e event.Event[httpevent.Request]) error {
		fmt.Println(e.Data.Method, e.Data.Route, e.Data.Status, "in", e.CorrelationID)
		return nil
	})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := app.Publish(r.Context(), OrderPlaced{r.PathValue("id")}); err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	requests, err := httpevent.New(httpevent.PublisherOf(app.Publish), httpevent.Config{})
	if err != nil {
		return nil, err
	}
	return requests(mux), nil
}
