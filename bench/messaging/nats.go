//go:build peers

package messaging

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

var natsBus = Bus{
	Name: "NATS", Does: "a server in this process, reached without a network; JSON there and back; a subscription a subscriber",
	Queued: newNATS,
}

var natsRequest = Answerer{Name: "NATS", Start: startNATSRequests}

type natsConn struct {
	server *server.Server
	conn   *nats.Conn
	broken atomic.Pointer[error] // the first message that could not be read
}

func connect() (c *natsConn, err error) {
	c = &natsConn{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	c.server, err = server.NewServer(&server.Options{DontListen: true, NoLog: true, NoSigs: true})
	if err != nil {
		return c, err
	}
	c.server.Start()
	if !c.server.ReadyForConnections(time.Minute) {
		return c, errors.New("the NATS server is not ready after a minute")
	}
	c.conn, err = nats.Connect("", nats.InProcessServer(c.server))
	return c, err
}

// listen has handle called with each message, of which any number may wait, so that none is lost.
func (c *natsConn) listen(handle func(*nats.Msg)) error {
	s, err := c.conn.Subscribe(Name, handle)
	if err != nil {
		return err
	}
	return s.SetPendingLimits(-1, -1)
}

func (c *natsConn) decode(m *nats.Msg) (o Order) {
	if err := json.Unmarshal(m.Data, &o); err != nil {
		c.broken.CompareAndSwap(nil, &err)
	}
	return o
}

func newNATS(subscribers int, h Handle) (Publisher, error) {
	c, err := connect()
	if err != nil {
		return nil, err
	}
	var errs []error
	for i := range subscribers {
		errs = append(errs, c.listen(func(m *nats.Msg) { h(i, c.decode(m)) }))
	}
	return c, errors.Join(append(errs, c.conn.Flush())...)
}

func (c *natsConn) Publish(_ context.Context, o Order) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return c.conn.Publish(Name, data)
}

func (c *natsConn) Close() error {
	if c.conn != nil {
		c.conn.Close()
	}
	if c.server != nil {
		c.server.Shutdown()
		c.server.WaitForShutdown()
	}
	if broken := c.broken.Load(); broken != nil {
		return fmt.Errorf("a message could not be read: %w", *broken)
	}
	return nil
}

func startNATSRequests(answer func(Order) int64) (Ask, func() error, error) {
	c, err := connect()
	if err != nil {
		return nil, nil, err
	}
	err = c.listen(func(m *nats.Msg) {
		if err := m.Respond(strconv.AppendInt(nil, answer(c.decode(m)), 10)); err != nil {
			c.broken.CompareAndSwap(nil, &err)
		}
	})
	if err := errors.Join(err, c.conn.Flush()); err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	ask := func(ctx context.Context, o Order) (int64, error) {
		data, err := json.Marshal(o)
		if err != nil {
			return 0, err
		}
		reply, err := c.conn.RequestWithContext(ctx, Name, data)
		if err != nil {
			return 0, err
		}
		return strconv.ParseInt(string(reply.Data), 10, 64)
	}
	return ask, c.Close, nil
}
