package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/demo"
	"github.com/oxbow-events/oxbow/event/ndjson"
	"github.com/oxbow-events/oxbow/internal/task"
	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
)

// serveFlags say where to listen and what to take.
type serveFlags struct {
	addr        string
	demo        bool
	maxBody     int64
	types       []string
	hosts       []string
	stopTimeout time.Duration
	verbose     bool
}

func (c *cli) serveCommand() *cobra.Command {
	var f serveFlags
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run a server on a folder",
		Long: `Serves the events of a folder over HTTP: POST and GET /v1/events, live events at /v1/events/stream, a page at /ui/. The folder is
made if need be. While the server runs, other commands reach its events with --server.

An interrupt (Ctrl-C) or SIGTERM stops it gracefully: it takes no new connections and finishes running requests. A second one ends
it at once.

With --demo it loads a sample of real GitHub webhook deliveries, once, and keeps a small live order workload running: about two
orders a second, each placed, paid and shipped, so half a million events a day.

There is no authentication yet: whoever reaches the address may read and write.`,
		Example: `  oxbow serve --demo
  oxbow serve --data /var/lib/oxbow --addr 127.0.0.1:8080
  oxbow serve --data memory:                    # gone when it stops
  oxbow serve --only order.placed,order.paid    # refuse events of other types`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if c.server != "" {
				return wrongFlag("server", "is for the other commands; say where to listen with --addr")
			}
			return c.serve(command.Context(), &f)
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.addr, "addr", "127.0.0.1:7070", "the address to listen on; port 0 is any free one")
	flags.BoolVar(&f.demo, "demo", false, "load sample data and keep a small live workload running")
	flags.Int64Var(&f.maxBody, "max-body", 8<<20, "the largest request body in bytes")
	flags.Var((*commaList)(&f.types), "only", "take only events of these types")
	flags.Var((*commaList)(&f.hosts), "host", "answer only for these host names (default: on 127.0.0.1 this machine's, elsewhere any)")
	flags.DurationVar(&f.stopTimeout, "stop-timeout", 10*time.Second, "how long running requests may take once it stops")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log every request")
	return command
}

func (c *cli) serve(ctx context.Context, f *serveFlags) error {
	if f.maxBody < 1 {
		return wrongFlag("max-body", "is %d; it must be positive", f.maxBody)
	}
	if f.stopTimeout <= 0 {
		return wrongFlag("stop-timeout", "is %v; it must be positive", f.stopTimeout)
	}
	listener, err := listen(ctx, f.addr)
	if err != nil {
		return err
	}
	defer listener.Close() // the server has closed it already, unless it was never started
	url := urlOf(listener.Addr())
	driver, err := c.openDriver(toServe, "oxbow serve at "+url)
	if err != nil {
		return err
	}
	return errors.Join(c.serveDriver(ctx, f, listener, driver), driver.Close())
}

func (c *cli) serveDriver(ctx context.Context, f *serveFlags, listener net.Listener, driver store.Driver) error {
	log := c.logger(f.verbose)
	app := oxbow.New(driver, oxbow.Config{Logger: log})
	srv, err := server.New(server.Config{
		Store: app.Store(), Publisher: app, Types: f.types, Hosts: f.hosts, Logger: log,
		MaxBodyBytes: f.maxBody, StopTimeout: f.stopTimeout,
	})
	if err != nil {
		return err
	}
	work, ctx := task.New(ctx)
	work.Go(func() error { return srv.Serve(ctx, listener) })
	if f.demo {
		shop := demo.NewShop(app, demo.Pace)
		work.Go(func() error { return c.runDemo(ctx, app, shop) })
	}
	work.Go(func() error { return app.Run(ctx) })
	if err := c.announce(listener.Addr(), f.demo); err != nil {
		return err
	}
	return work.Wait()
}

// runDemo loads the sample, unless it is there, and opens the shop.
func (c *cli) runDemo(ctx context.Context, app *oxbow.App, shop *demo.Shop) error {
	lines, err := ndjson.NewReader(demo.Sample(), ndjson.GitHub(), ndjson.Config{})
	if err != nil {
		return err
	}
	i := importer{strict: true, open: func() (backend.Backend, error) { return backend.Local{Store: app.Store()}, nil }}
	err = i.takeAll(ctx, lines, func() {})
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("demo: load the sample: %w", err)
	}
	return shop.Run(ctx)
}

var errAddressInUse = errors.New("address in use")

// listen opens the address, and says what to do when it is taken.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: %s is taken by another program, perhaps another 'oxbow serve'; pass another --addr, or stop that one", errAddressInUse, addr)
	case err != nil:
		var opError *net.OpError
		if errors.As(err, &opError) {
			err = opError.Err
		}
		return nil, wrongFlag("addr", "%q: %v", addr, err)
	}
	return listener, nil
}

// urlOf returns how this machine reaches the address.
func urlOf(addr net.Addr) string {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if at.Addr().IsUnspecified() {
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
	}
	return "http://" + at.String()
}

// announce says where the server is and how to begin. Scripts wait for its first line.
func (c *cli) announce(addr net.Addr, demo bool) error {
	url := urlOf(addr)
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		c.note("warning: there is no authentication yet, and " + addr.String() + " can be reached from other machines: whoever reaches it may read and write")
	}
	if c.json {
		return json.NewEncoder(c.out).Encode(map[string]string{"url": url, "data": c.data, "ui": url + "/ui/"})
	}
	_, err := fmt.Fprintf(c.out, `oxbow listens on %s
  events in   %s
  page        %s/ui/
  follow      oxbow tail --server %s
%s  stop        Ctrl-C
`, url, c.data, url, url, demoLine(demo))
	return err
}

func demoLine(demo bool) string {
	if !demo {
		return ""
	}
	return "  demo        a sample of GitHub webhooks, and about two orders a second\n"
}

func (c *cli) logger(verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	options := &slog.HandlerOptions{Level: level}
	var w io.Writer = c.err
	if c.json {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
