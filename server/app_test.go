package server_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestSubscriptionsOfTheAppHearOfWhatIsPosted(t *testing.T) {
	driver := memory.New()
	defer driver.Close()
	app := oxbow.New(driver, oxbow.Config{})
	var heard []event.Event[any]
	app.SubscribeTopic("order.**", func(_ context.Context, e event.Event[any]) error {
		heard = append(heard, e)
		return errors.New("the printer is out of paper")
	})
	var log strings.Builder
	s := newServer(t, server.Config{Store: app.Store(), Publisher: app, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	rep := post(t, s, "/v1/events", structured, cloudEvent("1", "order.placed", `,"stream":"order-42","data":{}`))
	if got := decode[server.Receipt](t, rep, http.StatusCreated); got.Last != 1 {
		t.Errorf("receipt %+v: a failing subscription is not the sender's matter", got)
	}
	if len(heard) != 1 || heard[0].Position != 1 || heard[0].Stream != "order-42" {
		t.Errorf("the subscription heard of %+v", heard)
	}
	if !strings.Contains(log.String(), "out of paper") {
		t.Errorf("nobody is told that a subscription failed: %s", log.String())
	}
}
