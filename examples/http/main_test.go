package main

import (
	"fmt"
	"net/http/httptest"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/store/memory"
)

func Example() {
	handler, err := service(oxbow.New(memory.New(), oxbow.Config{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest("POST", "/orders/42", nil)
	r.Header.Set("X-Correlation-ID", "checkout-7")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("X-Correlation-ID"))
	// Output:
	// order 42 in checkout-7
	// POST /orders/{id} 201 in checkout-7
	// 201 checkout-7
}
