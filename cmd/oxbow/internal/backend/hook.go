package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/internal/backoff"
)

// Hook is a URL that takes events as CloudEvents, one POST each.
type Hook struct {
	url    string
	client *http.Client
}

// NewHook returns the hook at a URL.
func NewHook(address string) (*Hook, error) {
	url, err := parseURL(address)
	if err != nil {
		return nil, err
	}
	return &Hook{url: url.String(), client: newClient()}, nil
}

const (
	sendAttempts   = 5
	sendFirstDelay = 200 * time.Millisecond
	sendMaxDelay   = 5 * time.Second
)

// Send returns when the event was taken. What may pass, such as a refused connection or a 503, is tried again a few times.
func (h *Hook) Send(ctx context.Context, r *event.Record) error {
	body, err := cloudevents.Marshal(*r)
	if err != nil {
		return fmt.Errorf("send event %v: %w", r.ID, err)
	}
	for attempt := 1; ; attempt++ {
		err := h.post(ctx, body)
		if err == nil {
			return nil
		}
		if attempt == sendAttempts || !passing(err) || ctx.Err() != nil {
			return fmt.Errorf("send event at position %d: %w", r.Position, err)
		}
		if err := backoff.Sleep(ctx, backoff.Delay(attempt, sendFirstDelay, sendMaxDelay)); err != nil {
			return err
		}
	}
}

func (h *Hook) post(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", cloudevents.ContentType)
	_, err = do(h.client, req, maxProblem)
	return err
}

// passing reports whether the same request may succeed a little later.
func passing(err error) bool {
	var answer *AnswerError
	if !errors.As(err, &answer) {
		return errors.Is(err, ErrUnreachable)
	}
	switch answer.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
