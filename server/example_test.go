package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func ExampleServer_Serve() {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	s, err := server.New(server.Config{Store: st})
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx, l) }()

	res, err := http.Post("http://"+l.Addr().String()+"/v1/events", "application/cloudevents+json", strings.NewReader(
		`{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed", "stream": "order-42", "data": {"total": 1200}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	receipt, _ := io.ReadAll(res.Body)
	fmt.Print(res.Status, "\n", string(receipt))

	stop()
	fmt.Println("stopped:", <-ended)
	// Output:
	// 201 Created
	// {"first":1,"last":1,"revisions":{"order-42":1},"durability":"memory","repeated":false,"ids":["1"]}
	// stopped: <nil>
}
