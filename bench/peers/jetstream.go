//go:build peers

package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/oxbow-events/oxbow/event"
)

var jetStreamPeer = Peer{
	Name: "NATS JetStream", Open: openJetStream,
	Does: "server in this process, a message an event, found by stream only; several at once are an atomic batch",
}

// jetStreamLog is a server in this process, reached without a network. A stream's head is the sequence of the last message of its
// subject. Reads of one stream are batched direct gets, which need no consumer.
type jetStreamLog struct {
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
}

const jetStreamName, startWithin = "EVENTS", 2 * time.Minute

func openJetStream(dir string, sync bool) (_ Log, err error) {
	l := &jetStreamLog{}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	l.server, err = server.NewServer(&server.Options{
		DontListen: true, NoLog: true, NoSigs: true, JetStream: true, StoreDir: dir, SyncAlways: sync,
		JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 1 << 40,
	})
	if err != nil {
		return nil, err
	}
	l.server.Start()
	if !l.server.ReadyForConnections(startWithin) {
		return nil, fmt.Errorf("the NATS server is not ready after %v", startWithin)
	}
	if l.conn, err = nats.Connect("", nats.InProcessServer(l.server)); err != nil {
		return nil, err
	}
	if l.js, err = jetstream.New(l.conn, jetstream.WithDefaultTimeout(startWithin)); err != nil {
		return nil, err
	}
	l.stream, err = l.js.CreateOrUpdateStream(context.Background(), jetstream.StreamConfig{
		Name: jetStreamName, Subjects: []string{"e.>"}, Storage: jetstream.FileStorage, AllowDirect: true, AllowAtomicPublish: true,
	})
	return l, err
}

func (l *jetStreamLog) Append(ctx context.Context, stream string, head uint64, events []event.Record) (uint64, error) {
	if len(events) > 1 {
		return l.appendBatch(ctx, stream, head, events)
	}
	ack, err := l.js.PublishMsg(ctx, message(stream, &events[0]), jetstream.WithExpectLastSequencePerSubject(head))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// appendBatch publishes the events as one batch: all of them or none. Only its last message is answered.
func (l *jetStreamLog) appendBatch(ctx context.Context, stream string, head uint64, events []event.Record) (uint64, error) {
	id := nuid.Next()
	for i := range events {
		msg := message(stream, &events[i])
		msg.Header.Set("Nats-Batch-Id", id)
		msg.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		if i == 0 {
			msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(head, 10))
		}
		if i == len(events)-1 {
			msg.Header.Set("Nats-Batch-Commit", "1")
			return l.commitBatch(ctx, msg)
		}
		if err := l.conn.PublishMsg(msg); err != nil {
			return 0, err
		}
	}
	return head, nil
}

func (l *jetStreamLog) commitBatch(ctx context.Context, last *nats.Msg) (uint64, error) {
	answer, err := l.conn.RequestMsgWithContext(ctx, last)
	if err != nil {
		return 0, err
	}
	var ack struct {
		Sequence uint64              `json:"seq"`
		Error    *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return 0, err
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	return ack.Sequence, nil
}

func message(stream string, r *event.Record) *nats.Msg {
	msg := nats.NewMsg("e." + stream)
	msg.Data = appendRecord(nil, r)
	return msg
}

// Replay reads with an ordered consumer, which asks for the next 4,096 messages before the last are handled.
func (l *jetStreamLog) Replay(ctx context.Context, fn func(*event.Record)) error {
	info, err := l.stream.Info(ctx)
	if err != nil || info.State.Msgs == 0 {
		return err
	}
	consumer, err := l.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(4096))
	if err != nil {
		return err
	}
	defer messages.Stop()
	var d recordReader
	for {
		msg, err := messages.Next()
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		r, err := d.read(msg.Data(), meta.Sequence.Stream)
		if err != nil {
			return err
		}
		fn(r)
		if meta.Sequence.Stream >= info.State.LastSeq {
			return nil
		}
	}
}

// batched is how many messages one direct get asks for.
const batched = 1000

func (l *jetStreamLog) Stream(ctx context.Context, stream string, fn func(*event.Record)) error {
	var d recordReader
	for next := uint64(1); ; {
		got, last, err := l.directGet(ctx, stream, next, &d, fn)
		if err != nil || got < batched {
			return err
		}
		next = last + 1
	}
}

// directGet reads at most a batch of the stream, from a sequence on.
func (l *jetStreamLog) directGet(ctx context.Context, stream string, from uint64, d *recordReader, fn func(*event.Record)) (got int, last uint64, err error) {
	answers, err := l.conn.SubscribeSync(l.conn.NewInbox())
	if err != nil {
		return 0, 0, err
	}
	defer answers.Unsubscribe()
	ask := fmt.Sprintf(`{"seq":%d,"batch":%d,"next_by_subj":"e.%s"}`, from, batched, stream)
	if err := l.conn.PublishRequest("$JS.API.DIRECT.GET."+jetStreamName, answers.Subject, []byte(ask)); err != nil {
		return 0, 0, err
	}
	for {
		msg, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return got, last, err
		}
		if status := msg.Header.Get("Status"); status == "204" || status == "404" { // the end; none
			return got, last, nil
		} else if status != "" {
			return got, last, fmt.Errorf("direct get: %s %s", status, msg.Header.Get("Description"))
		}
		if last, err = strconv.ParseUint(msg.Header.Get("Nats-Sequence"), 10, 64); err != nil {
			return got, last, err
		}
		r, err := d.read(msg.Data, last)
		if err != nil {
			return got, last, err
		}
		fn(r)
		got++
	}
}

func (l *jetStreamLog) Close() error {
	if l.conn != nil {
		l.conn.Close()
	}
	if l.server != nil {
		l.server.Shutdown()
		l.server.WaitForShutdown()
	}
	return nil
}
