package server_test

import (
	"context"
	"fmt"
	"iter"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/server"
)

// browser is a headless Chromium.
type browser struct {
	ctx     context.Context
	console iter.Seq2[chromedp.ConsoleMessage, error]
}

// newBrowser starts Chromium, or skips the test where there is none.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Skip("no chromium on the PATH: install the package chromium to test the page in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.WindowSize(1500, 900))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the browser to end
		cancel()
	})
	return &browser{ctx: ctx, console: chromedp.Console(ctx)}
}

// tab opens a new page of the same browser.
func (b *browser) tab(t *testing.T) *browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	return &browser{ctx: ctx, console: chromedp.Console(ctx)}
}

func (b *browser) run(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	for i, step := range steps {
		if err := chromedp.Do(b.ctx, step); err != nil {
			page, _ := chromedp.Run(b.ctx, chromedp.Text("body"))
			t.Fatalf("step %d: %v; the page shows:\n%s", i, err, page)
		}
	}
}

// wantQuietConsole wants the page to have logged nothing: no error, and nothing that its policy stopped.
func (b *browser) wantQuietConsole(t *testing.T) {
	t.Helper()
	b.run(t, await(`console.log("that was all") === undefined`))
	for m, err := range b.console {
		if err != nil {
			t.Fatal(err)
		}
		if m.Text == "that was all" {
			return
		}
		t.Errorf("the page logged %v", m)
	}
}

// await waits until the JavaScript expression is true.
func await(expression string) chromedp.Action[chromedp.Void] {
	return chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second))
}

// text awaits an element whose text contains the text.
func text(selector, contained string) chromedp.Action[chromedp.Void] {
	return await(fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.textContent.includes(%q))`, selector, contained))
}

// placed returns records of an order and what it caused.
func placed(t *testing.T) []event.Record {
	stream := event.Place{Stream: "order-42"}
	root := event.Metadata{ID: id(t, "a"), Type: "order.placed", CorrelationID: id(t, "a")}
	paid := event.Metadata{ID: id(t, "b"), Type: "order.paid", CorrelationID: id(t, "a"), CausationID: id(t, "a")}
	shipped := event.Metadata{ID: id(t, "c"), Type: "order.shipped", CorrelationID: id(t, "a"), CausationID: id(t, "b")}
	return []event.Record{
		{Metadata: root, Place: stream, Data: []byte(`{"total":1200,"exact":12345678901234567890,"lines":[{"sku":"x"}]}`)},
		{Metadata: paid, Place: stream, Data: []byte(`{}`)},
		{Metadata: shipped, Place: stream},
	}
}

func TestPageInABrowser(t *testing.T) {
	b := newBrowser(t)
	for _, c := range []struct {
		name  string
		check func(*testing.T, *browser)
	}{
		{"shows events and what caused them", showsEventsAndCauses},
		{"shows hostile text as text", showsHostileTextAsText},
		{"goes on when the server comes back", goesOnWhenTheServerComesBack},
		{"begins anew over another store", beginsAnewOverAnotherStore},
		{"filters and pauses", filtersAndPauses},
		{"keeps a bounded number of rows", keepsABoundedNumberOfRows},
		{"can be used with the keyboard", canBeUsedWithTheKeyboard},
		{"tells rates of the last seconds", tellsRatesOfTheLastSeconds},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, b.tab(t)) })
	}
}

func showsEventsAndCauses(t *testing.T, b *browser) {
	st := newStore(t)
	run := serve(t, server.Config{Store: st})
	b.run(t, chromedp.Navigate(run.url+"/"), text("#state", "Live"), text("#empty", "curl "+run.url+"/v1/events"))

	commit(t, st, placed(t)...)
	b.run(t,
		await(`document.querySelectorAll("#rows li").length === 3`),
		text("#rows li:first-child", "order.shipped"),
		text("#types tr", "order.paid"),
		await(`document.getElementById("total").textContent === "3" && document.getElementById("head").textContent === "3"`),
		await(`Number(document.getElementById("rate").textContent) > 0`),
		chromedp.Click(`#rows li:nth-child(3) button`),
		text("#detail .json", `"exact": 12345678901234567890`),
		await(`document.querySelectorAll("#detail .node").length === 3`),
		await(`document.querySelector("#detail .node[aria-current] .type").textContent === "order.placed"`),
		chromedp.Click(`#detail .tree ul ul button`),
		text("#detail h2", "order.shipped"),
		text("#detail .attributes button", "b"),
		await(`location.hash === "#c"`),
	)
	b.wantQuietConsole(t)
}

func showsHostileTextAsText(t *testing.T, b *browser) {
	const hostile = `<img/src=x/onerror="document.title='owned'">`
	st := newStore(t)
	commit(t, st, event.Record{
		Metadata: event.Metadata{
			ID: id(t, hostile), Type: hostile, Source: hostile, Tags: []string{hostile}, Headers: map[string]string{"x": hostile},
		},
		Place: event.Place{Stream: hostile}, Data: fmt.Appendf(nil, `{%q:%q}`, hostile, hostile),
	})
	run := serve(t, server.Config{Store: st})
	b.run(t, chromedp.Navigate(run.url+"/ui/"), chromedp.Click("#rows button"),
		text("#detail h2", hostile), text("#detail .json .string", "img/src"), text("#detail .attributes", hostile),
		text("#types .type", hostile), text("#detail .node", hostile),
		await(`document.querySelectorAll("img").length === 1`), await(`document.title === "Oxbow"`))
	b.wantQuietConsole(t)
}

func goesOnWhenTheServerComesBack(t *testing.T, b *browser) {
	st := newStore(t)
	commit(t, st, placed(t)...)
	run := serve(t, server.Config{Store: st})
	b.run(t, chromedp.Navigate(run.url+"/ui/"), text("#state", "Live"), await(`document.querySelectorAll("#rows li").length === 3`))

	run.stop()
	if err := run.result(); err != nil {
		t.Fatal(err)
	}
	b.run(t, text("#state", "Reconnecting"))
	commit(t, st, event.Record{Metadata: event.Metadata{Type: "meanwhile"}, Place: event.Place{Stream: "s"}})
	serveAt(t, strings.TrimPrefix(run.url, "http://"), server.Config{Store: st})
	b.run(t, text("#state", "Live"), text("#rows li:first-child", "meanwhile"),
		await(`document.querySelectorAll("#rows li").length === 4`), await(`document.getElementById("total").textContent === "4"`))
}

func beginsAnewOverAnotherStore(t *testing.T, b *browser) {
	st := newStore(t)
	commit(t, st, placed(t)...)
	run := serve(t, server.Config{Store: st})
	b.run(t, chromedp.Navigate(run.url+"/ui/"), text("#state", "Live"), await(`document.querySelectorAll("#rows li").length === 3`))
	run.stop()
	<-run.ended
	other := newStore(t)
	commit(t, other, event.Record{Metadata: event.Metadata{Type: "other.store"}, Place: event.Place{Stream: "s"}})
	serveAt(t, strings.TrimPrefix(run.url, "http://"), server.Config{Store: other})
	b.run(t, text("#rows li:first-child", "other.store"), await(`document.querySelectorAll("#rows li").length === 1`), text("#state", "Live"))
}

func filtersAndPauses(t *testing.T, b *browser) {
	st := newStore(t)
	commit(t, st, placed(t)...)
	run := serve(t, server.Config{Store: st})
	b.run(t, chromedp.Navigate(run.url+"/ui/"), text("#state", "Live"), await(`document.querySelectorAll("#rows li").length === 3`),
		chromedp.Click("#pause"), text("#pause", "Resume"))
	commit(t, st, event.Record{Metadata: event.Metadata{Type: "order.returned"}, Place: event.Place{Stream: "order-42"}})
	b.run(t, text("#pause", "1 new"), await(`document.querySelectorAll("#rows li").length === 3`),
		chromedp.Click("#pause"), text("#rows li:first-child", "order.returned"),
		chromedp.SendKeys("#filter", "paid 42"), await(`document.querySelectorAll("#rows li").length === 1`),
		chromedp.SendKeys("#filter", "x"), text("#empty", "No event matches"),
		chromedp.Click(`#types button[title="Show only order.placed"]`), await(`document.querySelectorAll("#rows li").length === 1`))
	b.wantQuietConsole(t)
}

func keepsABoundedNumberOfRows(t *testing.T, b *browser) {
	st := newStore(t)
	run := serve(t, server.Config{Store: st})
	b.run(t, chromedp.Navigate(run.url+"/ui/"), text("#state", "Live"))
	fill(t, st, 1500)
	b.run(t, await(`document.getElementById("head").textContent.replace(/\D/g, "") === "1500"`),
		await(`document.querySelectorAll("#rows li").length === 500`), text("#rows li:first-child .position", "1500"))
	b.wantQuietConsole(t)
}

func canBeUsedWithTheKeyboard(t *testing.T, b *browser) {
	st := newStore(t)
	commit(t, st, placed(t)...)
	run := serve(t, server.Config{Store: st})
	focused := func(id string) chromedp.Action[chromedp.Void] {
		return await(fmt.Sprintf(`document.activeElement.dataset.id === %q`, id))
	}
	b.run(t, chromedp.Navigate(run.url+"/ui/"), await(`document.querySelectorAll("#rows li").length === 3`),
		chromedp.Focus(`#rows [tabindex="0"]`), focused("c"),
		chromedp.KeyEvent(kb.ArrowDown), focused("b"), chromedp.KeyEvent(kb.End), focused("a"), chromedp.KeyEvent(kb.ArrowUp), focused("b"),
		chromedp.KeyEvent(kb.Enter), text("#detail h2", "order.paid"), await(`document.activeElement.id === "detail"`),
		chromedp.KeyEvent(kb.Escape), text("#detail", "Choose an event"), focused("b"),
		chromedp.Focus("#filter"))
	commit(t, st, event.Record{Metadata: event.Metadata{ID: id(t, "d"), Type: "order.returned"}, Place: event.Place{Stream: "order-42"}})
	b.run(t, await(`document.querySelector('#rows [tabindex="0"]').dataset.id === "d"`))
	b.wantQuietConsole(t)
}

// tellsRatesOfTheLastSeconds asks the page's own module, with seconds that the test lets pass.
func tellsRatesOfTheLastSeconds(t *testing.T, b *browser) {
	run := serve(t, server.Config{})
	b.run(t, chromedp.Navigate(run.url+"/ui/"))
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`import("/ui/rates.js").then(({ Rates }) => {
		let second = 1000;
		const rates = new Rates(() => second);
		const told = [];
		const tell = () => told.push(rates.look().types.map((t) => [t.type, t.total, t.last10, Math.round(10 * t.last60) / 10].join(" ")));
		for (; second < 1100; second++) {
			rates.add("a");
			rates.add("a");
			if (second % 2 === 0) rates.add("b");
			if (second === 1004 || second === 1099) tell();
		}
		second += 29;
		tell();
		second += 1000;
		tell();
		return told.join("; ");
	})`, chromedp.EvalAwaitPromise))
	if want := "a 10 2 2,b 3 0.5 0.5; a 200 2 2,b 50 0.5 0.5; a 200 0 1,b 50 0 0.3; a 200 0 0,b 50 0 0"; got != want || err != nil {
		t.Errorf("rates %q, %v; want %q", got, err, want)
	}
}

// serveAt is serve at an address that a server has just left.
func serveAt(t *testing.T, addr string, cfg server.Config) {
	t.Helper()
	s := newServer(t, cfg)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
