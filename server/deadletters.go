package server

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// ConsumerPage is the answer to GET /v1/deadletters.
type ConsumerPage struct {
	Consumers []ConsumerCount `json:"consumers"`
	Next      *string         `json:"next"` // path and query of the next page; null on the last
}

// ConsumerCount says how many dead letters a consumer has.
type ConsumerCount struct {
	deadletter.Consumer
	Damage string `json:"damage,omitempty"` // why the count cannot be read
}

// LetterPage is the answer to GET /v1/deadletters/{consumer}.
type LetterPage struct {
	Letters []deadletter.Letter `json:"letters"` // without their records' data
	Damaged []DamagedLetter     `json:"damaged"` // those of this page's positions that cannot be read
	Next    *string             `json:"next"`    // path and query of the next page; null on the last
	Cursor  store.Position      `json:"cursor"`  // of the next page; 0 on the last
	Count   deadletter.Count    `json:"count"`   // of all letters, whatever the filter
}

// DamagedLetter is one that cannot be read.
type DamagedLetter struct {
	Position store.Position `json:"position"`
	Bucket   string         `json:"bucket"` // of the item that is damaged
	Key      string         `json:"key"`    // likewise
	Reason   string         `json:"reason"`
}

// listConsumers answers GET /v1/deadletters: the consumers that ever had dead letters, by name, after the one named.
func (s *Server) listConsumers(w http.ResponseWriter, r *http.Request) error {
	p := parseParameters(r.URL.RawQuery, "after", "limit")
	after, limit := p.name("after"), p.limit()
	if err := p.err(); err != nil {
		return err
	}
	page := ConsumerPage{Consumers: []ConsumerCount{}}
	for c, err := range deadletter.Consumers(r.Context(), s.cfg.Store, after) {
		damaged, ok := errors.AsType[*deadletter.DamagedError](err)
		if err != nil && !ok {
			return err
		}
		if len(page.Consumers) == limit {
			page.Next = nextPage(r.URL, "after", page.Consumers[limit-1].Name)
			break
		}
		one := ConsumerCount{Consumer: c}
		if ok {
			one.Damage = damaged.Error()
		}
		page.Consumers = append(page.Consumers, one)
	}
	return writeJSON(w, http.StatusOK, page)
}

// listLetters answers GET /v1/deadletters/{consumer}.
func (s *Server) listLetters(w http.ResponseWriter, r *http.Request) error {
	letters, err := s.lettersOf(r)
	if err != nil {
		return err
	}
	p := parseParameters(r.URL.RawQuery, "position", "key", "stream", "type", "error", "state", "after", "before", "since", "until", "limit", "cursor")
	f, limit, cursor := p.letterFilter(), p.limit(), p.position("cursor")
	if err := p.err(); err != nil {
		return err
	}
	found, err := letters.List(r.Context(), f, limit, cursor)
	if err != nil {
		return letterError(err)
	}
	page := LetterPage{Letters: found.Letters, Damaged: []DamagedLetter{}, Cursor: found.Next}
	if page.Letters == nil {
		page.Letters = []deadletter.Letter{}
	}
	for _, d := range found.Damaged {
		page.Damaged = append(page.Damaged, DamagedLetter{d.Position, d.Bucket, d.Key, d.Err.Error()})
	}
	if found.Next > 0 {
		page.Next = nextPage(r.URL, "cursor", strconv.FormatUint(uint64(found.Next), 10))
	}
	if page.Count, err = letters.Count(r.Context()); err != nil {
		return letterError(err)
	}
	return writeJSON(w, http.StatusOK, page)
}

// letterFilter reads which letters are asked for.
func (p *parameters) letterFilter() deadletter.Filter {
	f := deadletter.Filter{
		Position: p.position("position"), Stream: p.name("stream"), Types: p.values["type"],
		After: p.position("after"), Before: p.position("before"), Since: p.time("since"), Until: p.time("until"),
	}
	f.Key, _ = p.one("key")
	f.Error, _ = p.one("error")
	state, _ := p.one("state")
	f.State = deadletter.State(state)
	if invalid, ok := errors.AsType[*event.InvalidError](f.Check()); ok && len(p.faults) == 0 {
		name := invalid.Field
		if name == "types" {
			name = "type"
		}
		p.fault(name, invalid.Reason)
	}
	return f
}

// oneLetter answers GET /v1/deadletters/{consumer}/{position}.
func (s *Server) oneLetter(w http.ResponseWriter, r *http.Request) error {
	letters, at, err := s.letterAt(r)
	if err == nil {
		err = parseParameters(r.URL.RawQuery).err()
	}
	if err != nil {
		return err
	}
	letter, err := letters.Get(r.Context(), at)
	if err != nil {
		return letterError(err)
	}
	return writeJSON(w, http.StatusOK, letter)
}

// letterData answers GET /v1/deadletters/{consumer}/{position}/data: the bytes that the record's data are, or were after so many edits.
func (s *Server) letterData(w http.ResponseWriter, r *http.Request) error {
	letters, at, err := s.letterAt(r)
	if err != nil {
		return err
	}
	p := parseParameters(r.URL.RawQuery, "edits")
	edits, given := p.number("edits")
	if err := p.err(); err != nil {
		return err
	}
	if !given {
		letter, err := letters.Get(r.Context(), at)
		if err != nil {
			return letterError(err)
		}
		edits = len(letter.Edits)
	}
	data, err := letters.Data(r.Context(), at, edits)
	if err != nil {
		return letterError(err)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff") // what somebody published must not become a page of this server
	w.Header().Set("Content-Disposition", "attachment")
	if data == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	writeBody(w, http.StatusOK, "application/octet-stream", data)
	return nil
}

// letterJournal answers GET /v1/deadletters/{consumer}/journal.
func (s *Server) letterJournal(w http.ResponseWriter, r *http.Request) error {
	letters, err := s.lettersOf(r)
	if err != nil {
		return err
	}
	p := parseParameters(r.URL.RawQuery, "before", "limit")
	before, limit := p.position("before"), p.limit()
	if err := p.err(); err != nil {
		return err
	}
	page, err := letters.Journal(r.Context(), uint64(before), limit)
	if err != nil {
		return letterError(err)
	}
	return writeJSON(w, http.StatusOK, page)
}

// lettersOf returns the dead letters of the consumer that the path names.
func (s *Server) lettersOf(r *http.Request) (*deadletter.Letters, error) {
	letters, err := deadletter.New(s.cfg.Store, r.PathValue("consumer"))
	if invalid, ok := errors.AsType[*event.InvalidError](err); ok {
		return nil, invalidParameter(Fault{Parameter: "consumer", Reason: invalid.Reason})
	}
	return letters, err
}

// letterAt also returns the position that the path names.
func (s *Server) letterAt(r *http.Request) (*deadletter.Letters, store.Position, error) {
	letters, err := s.lettersOf(r)
	if err != nil {
		return nil, 0, err
	}
	text := r.PathValue("position")
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return nil, 0, invalidParameter(Fault{Parameter: "position", Reason: strconv.Quote(text) + " is not a position; write a whole number from 1"})
	}
	return letters, store.Position(n), nil
}

// letterError says what the caller is told about an error with dead letters.
func letterError(err error) error {
	var (
		invalid  *event.InvalidError
		damaged  *deadletter.DamagedError
		conflict *store.ConflictError
	)
	switch {
	case errors.As(err, &invalid):
		return invalidRequest(Fault{Field: invalid.Field, Reason: invalid.Reason})
	case errors.As(err, &damaged):
		return &Problem{
			Type: kindDamagedLetter, Title: "Damaged dead letter", Status: http.StatusInternalServerError,
			Detail: damaged.Error(), Position: damaged.Position,
		}
	case errors.Is(err, deadletter.ErrNone):
		return notFound(err.Error())
	case errors.Is(err, deadletter.ErrConflict) && !errors.As(err, &conflict):
		return &Problem{Type: kindConflict, Title: "Conflict", Status: http.StatusConflict, Detail: err.Error() + "; nothing was written"}
	}
	return err
}

func invalidRequest(faults ...Fault) *Problem {
	return &Problem{
		Type: kindInvalidRequest, Title: "Invalid request", Status: http.StatusBadRequest, Errors: faults,
		Detail: describeFaults(faults) + "; nothing was written",
	}
}
