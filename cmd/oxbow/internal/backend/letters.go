package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Letters are a consumer's dead letters, near or far; see *deadletter.Letters.
type Letters interface {
	Count(ctx context.Context) (deadletter.Count, error)
	List(ctx context.Context, f deadletter.Filter, limit int, cursor store.Position) (deadletter.Page, error)
	Get(ctx context.Context, p store.Position) (deadletter.Letter, error)
	Data(ctx context.Context, p store.Position, edits int) ([]byte, error)
	Edit(ctx context.Context, p store.Position, c deadletter.Change) (deadletter.Letter, error)
	Redrive(ctx context.Context, f deadletter.Filter, o deadletter.Options) (deadletter.Report, error)
	Discard(ctx context.Context, f deadletter.Filter, o deadletter.Options) (deadletter.Report, error)
	Journal(ctx context.Context, before uint64, limit int) (deadletter.JournalPage, error)
}

// Letters returns a consumer's dead letters.
func (l Local) Letters(consumer string) (Letters, error) { return deadletter.New(l.Store, consumer) }

// Consumers yields the consumers that ever had dead letters, in order of name.
func (l Local) Consumers(ctx context.Context) iter.Seq2[deadletter.Consumer, error] {
	return deadletter.Consumers(ctx, l.Store, "")
}

// Letters returns a consumer's dead letters.
func (r *Remote) Letters(consumer string) (Letters, error) {
	if err := event.CheckName("consumer name", consumer); err != nil {
		return nil, err
	}
	return &remoteLetters{r, consumer}, nil
}

// consumerPage is one answer of GET /v1/deadletters.
type consumerPage struct {
	Consumers []struct {
		deadletter.Consumer
		Damage string `json:"damage"`
	} `json:"consumers"`
	Next *string `json:"next"`
}

// Consumers yields the consumers that ever had dead letters, in order of name.
func (r *Remote) Consumers(ctx context.Context) iter.Seq2[deadletter.Consumer, error] {
	return func(yield func(deadletter.Consumer, error) bool) {
		query := url.Values{"limit": {strconv.Itoa(pageLength)}}
		for last := ""; ; query.Set("after", last) {
			var page consumerPage
			if err := r.get(ctx, "v1/deadletters", query, &page); err != nil {
				yield(deadletter.Consumer{}, err)
				return
			}
			for _, c := range page.Consumers {
				if c.Name <= last {
					yield(deadletter.Consumer{}, fmt.Errorf("%s sent the consumer %q out of order", r.base.Host, c.Name))
					return
				}
				last = c.Name
				if !yield(c.Consumer, damage(c.Damage)) {
					return
				}
			}
			if page.Next == nil || len(page.Consumers) == 0 {
				return
			}
		}
	}
}

// damagedLetter is what a server says of an item that cannot be read.
type damagedLetter struct{ text string }

func (e *damagedLetter) Error() string        { return e.text }
func (e *damagedLetter) Is(target error) bool { return target == store.ErrDamaged }

func damage(text string) error {
	if text == "" {
		return nil
	}
	return &damagedLetter{text}
}

// remoteLetters are dead letters behind a server.
type remoteLetters struct {
	*Remote
	consumer string
}

// path returns that of something of the consumer's. Names may have a slash.
func (l *remoteLetters) path(parts ...string) string {
	path := "v1/deadletters/" + url.PathEscape(l.consumer)
	for _, part := range parts {
		path += "/" + part
	}
	return path
}

func (l *remoteLetters) at(p store.Position, parts ...string) string {
	return l.path(append([]string{strconv.FormatUint(uint64(p), 10)}, parts...)...)
}

// letterPage is one answer of GET /v1/deadletters/{consumer}.
type letterPage struct {
	Letters []deadletter.Letter `json:"letters"`
	Damaged []struct {
		Position store.Position `json:"position"`
		Bucket   string         `json:"bucket"`
		Key      string         `json:"key"`
		Reason   string         `json:"reason"`
	} `json:"damaged"`
	Cursor store.Position   `json:"cursor"`
	Count  deadletter.Count `json:"count"`
}

func (l *remoteLetters) Count(ctx context.Context) (deadletter.Count, error) {
	var page letterPage
	err := l.get(ctx, l.path(), url.Values{"limit": {"1"}}, &page)
	return page.Count, err
}

func (l *remoteLetters) List(ctx context.Context, f deadletter.Filter, limit int, cursor store.Position) (deadletter.Page, error) {
	query := letterParameters(&f)
	setPosition(query, "cursor", cursor)
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var told letterPage
	if err := l.get(ctx, l.path(), query, &told); err != nil {
		return deadletter.Page{}, err
	}
	page := deadletter.Page{Letters: told.Letters, Next: told.Cursor}
	for _, d := range told.Damaged {
		page.Damaged = append(page.Damaged, &deadletter.DamagedError{
			Consumer: l.consumer, Bucket: d.Bucket, Key: d.Key, Position: d.Position, Err: errors.New(d.Reason),
		})
	}
	if page.Next > 0 && page.Next <= cursor {
		return deadletter.Page{}, fmt.Errorf("%s sent a page that leads back to position %d", l.base.Host, page.Next)
	}
	return page, nil
}

// letterParameters returns a filter as parameters.
func letterParameters(f *deadletter.Filter) url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"key": f.Key, "stream": f.Stream, "error": f.Error, "state": string(f.State)} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, p := range map[string]store.Position{"position": f.Position, "after": f.After, "before": f.Before} {
		setPosition(query, name, p)
	}
	for name, t := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !t.IsZero() {
			query.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	if len(f.Types) > 0 {
		query["type"] = f.Types
	}
	return query
}

// Get asks for the data apart from the letter, since JSON would not keep them byte for byte.
func (l *remoteLetters) Get(ctx context.Context, p store.Position) (deadletter.Letter, error) {
	var letter deadletter.Letter
	if err := l.get(ctx, l.at(p), nil, &letter); err != nil {
		return letter, none(err)
	}
	return l.whole(ctx, letter)
}

func (l *remoteLetters) whole(ctx context.Context, letter deadletter.Letter) (deadletter.Letter, error) {
	var err error
	letter.Record.Data, err = l.Data(ctx, letter.Record.Position, len(letter.Edits))
	return letter, err
}

// none turns the answer that there is no such letter into what a folder says.
func none(err error) error {
	if answer, ok := errors.AsType[*AnswerError](err); ok && answer.Status == http.StatusNotFound {
		return fmt.Errorf("%w: %w", deadletter.ErrNone, err)
	}
	return err
}

func (l *remoteLetters) Data(ctx context.Context, p store.Position, edits int) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url(l.at(p, "data"), url.Values{"edits": {strconv.Itoa(edits)}}), nil)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wholeTimeout)
	defer cancel()
	resp, err := send(l.client, req.WithContext(ctx))
	if err != nil {
		return nil, none(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, store.MaxData+1))
	switch {
	case err != nil:
		return nil, unreachable(req, err)
	case len(data) > store.MaxData:
		return nil, fmt.Errorf("%s answered with more than %d bytes; is it an Oxbow?", origin(req.URL), store.MaxData)
	}
	return data, nil
}

// letterEdit is the body of PATCH /v1/deadletters/{consumer}/{position}.
type letterEdit struct {
	Data     *[]byte           `json:"data_base64,omitempty"` // a pointer, since data of no bytes are data
	Headers  map[string]string `json:"headers"`
	By       string            `json:"by"`
	Why      string            `json:"why"`
	Revision uint64            `json:"revision,omitempty"`
}

func (l *remoteLetters) Edit(ctx context.Context, p store.Position, c deadletter.Change) (letter deadletter.Letter, err error) {
	edit := letterEdit{Headers: c.Headers, By: c.By, Why: c.Why, Revision: c.Revision}
	if c.Data != nil {
		edit.Data = &c.Data
	}
	if err := l.send(ctx, http.MethodPatch, l.at(p), edit, &letter); err != nil {
		return letter, none(err)
	}
	return l.whole(ctx, letter)
}

// letterAction is the body of POST /v1/deadletters/{consumer}/redrive and …/discard.
type letterAction struct {
	Filter deadletter.Filter `json:"filter"`
	All    bool              `json:"all,omitempty"`
	By     string            `json:"by"`
	Why    string            `json:"why,omitempty"`
	DryRun bool              `json:"dry_run,omitempty"`
	Limit  int               `json:"limit,omitempty"`
	Cursor store.Position    `json:"cursor,omitempty"`
}

func (l *remoteLetters) Redrive(ctx context.Context, f deadletter.Filter, o deadletter.Options) (deadletter.Report, error) {
	return l.act(ctx, "redrive", f, o)
}

func (l *remoteLetters) Discard(ctx context.Context, f deadletter.Filter, o deadletter.Options) (deadletter.Report, error) {
	return l.act(ctx, "discard", f, o)
}

// act sends a request for each page.
func (l *remoteLetters) act(ctx context.Context, action string, f deadletter.Filter, o deadletter.Options) (deadletter.Report, error) {
	return deadletter.Paged(ctx, o, func(ctx context.Context, o deadletter.Options) (report deadletter.Report, err error) {
		body := letterAction{Filter: f, All: o.All, By: o.By, Why: o.Why, DryRun: o.DryRun, Limit: o.Limit, Cursor: o.Cursor}
		if err := l.send(ctx, http.MethodPost, l.path(action), body, &report); err != nil {
			return report, err
		}
		if report.Next > 0 && report.Next <= o.Cursor {
			return report, fmt.Errorf("%s sent a report that leads back to position %d", l.base.Host, report.Next)
		}
		return report, nil
	})
}

func (l *remoteLetters) Journal(ctx context.Context, before uint64, limit int) (page deadletter.JournalPage, err error) {
	query := url.Values{}
	setPosition(query, "before", store.Position(before))
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	if err := l.get(ctx, l.path("journal"), query, &page); err != nil {
		return page, err
	}
	if page.Next > 0 && before > 0 && page.Next >= before {
		return page, fmt.Errorf("%s sent a journal that leads back to entry %d", l.base.Host, page.Next)
	}
	return page, nil
}

// send sends a JSON body and decodes the JSON that comes back.
func (r *Remote) send(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, r.url(path, nil), bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return r.answer(req, into)
}
