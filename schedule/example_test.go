package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schedule"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type SendReminder struct{ Invoice string }

func (r SendReminder) AggregateID() string { return r.Invoice }

type CloseBooks struct{}

func Example() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	s, err := schedule.New(st, schedule.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	dueDate := time.Date(2026, time.March, 1, 9, 0, 0, 0, time.UTC)
	if _, err := s.At(ctx, "reminder-42", dueDate, SendReminder{Invoice: "42"}); err != nil {
		fmt.Println(err)
	}

	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	err = s.WaitFor(ctx, 0) // for what is due already
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		fmt.Println(err)
	}
	for r, err := range st.Read(ctx, store.Query{}) {
		name, due, _ := schedule.Of(&r.Metadata)
		fmt.Println(r.Type, r.Stream, string(r.Data), name, due.Format(time.DateTime), err)
	}
	// Output: send.reminder send-42 {"Invoice":"42"} reminder-42 2026-03-01 09:00:00 <nil>
}

func ExampleScheduler_Cron() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	s, _ := schedule.New(st, schedule.Config{})

	books, err := s.Cron(ctx, "close-books", "0 9 * * mon", "Europe/Berlin", CloseBooks{}, schedule.OnMisfire(schedule.Skip))
	fmt.Println(books.Timing, err)

	_, err = s.Cron(ctx, "close-books", "0 9 * * mon", "Europe/Berlin", CloseBooks{}, schedule.OnMisfire(schedule.Skip))
	fmt.Println("made again:", err)

	_, err = s.Cron(ctx, "close-books", "0 25 * * mon", "Europe/Berlin", CloseBooks{})
	fmt.Println(err)
	// Output:
	// cron 0 9 * * mon in Europe/Berlin <nil>
	// made again: <nil>
	// schedule "close-books": cron "0 25 * * mon": hour at byte 2: 25 is out of range; it may be 0 to 23
}

func ExampleScheduler_Every() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	s, _ := schedule.New(st, schedule.Config{})
	first := time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC)
	_, err := s.Every(ctx, "heartbeat", 15*time.Second, event.From("heart.beaten", nil), schedule.From(first))
	fmt.Println(err)

	fmt.Println(s.Pause(ctx, "heartbeat"))
	one, err := s.Get(ctx, "heartbeat")
	fmt.Println(one.State, one.Next.Format(time.DateTime), err)

	_, err = s.Every(ctx, "heartbeat", time.Minute, event.From("heart.beaten", nil))
	fmt.Println(errors.Is(err, schedule.ErrExists))
	fmt.Println(s.Cancel(ctx, "heartbeat"))
	// Output:
	// <nil>
	// <nil>
	// paused 2030-01-01 00:00:00 <nil>
	// true
	// <nil>
}

func ExampleScheduler_List() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	s, _ := schedule.New(st, schedule.Config{})
	for day := range 3 {
		when := time.Date(2030, time.May, 1+day, 12, 0, 0, 0, time.UTC)
		if _, err := s.At(ctx, fmt.Sprint("reminder-", day), when, SendReminder{}); err != nil {
			fmt.Println(err)
		}
	}
	page, err := s.List(ctx, schedule.Page{Prefix: "reminder-", After: "reminder-0", Limit: 2})
	for _, one := range page {
		fmt.Println(one.Name, one.Timing, one.State)
	}
	fmt.Println(err)
	// Output:
	// reminder-1 at 2030-05-02T12:00:00Z waiting
	// reminder-2 at 2030-05-03T12:00:00Z waiting
	// <nil>
}

func ExampleScheduler_PublishAfter() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	s, _ := schedule.New(st, schedule.Config{})
	name, err := s.PublishAfter(ctx, 24*time.Hour, SendReminder{Invoice: "42"}, event.WithTags("customer:7"))
	one, _ := s.Get(ctx, name)
	fmt.Println(one.Type, one.Stream, one.Timing, err)
	// Output: send.reminder send-42 after 24h0m0s <nil>
}

func ExampleParseCron() {
	c, err := schedule.ParseCron("30 2 * * *")
	if err != nil {
		fmt.Println(err)
		return
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2026, time.March, 28, 0, 0, 0, 0, berlin) // the next night, the clock goes from two to three
	for range 3 {
		at = c.Next(at)
		fmt.Println(at)
	}
	// Output:
	// 2026-03-28 02:30:00 +0100 CET
	// 2026-03-29 03:00:00 +0200 CEST
	// 2026-03-30 02:30:00 +0200 CEST
}
