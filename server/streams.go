package server

import (
	"net/http"
	"net/url"

	"github.com/oxbow-events/oxbow/store"
)

// StreamPage is the answer to GET /v1/streams.
type StreamPage struct {
	Streams []store.StreamInfo `json:"streams"`
	Next    *string            `json:"next"` // path and query of the next page; null on the last
}

// listStreams answers GET /v1/streams: the streams whose name begins with prefix, by name, after the one named.
func (s *Server) listStreams(w http.ResponseWriter, r *http.Request) error {
	lister, ok := s.cfg.Store.Streams()
	if !ok {
		return notAvailable("list its streams")
	}
	p := parseParameters(r.URL.RawQuery, "prefix", "after", "limit")
	prefix, after, limit := p.name("prefix"), p.name("after"), p.limit()
	if err := p.err(); err != nil {
		return err
	}
	page := StreamPage{Streams: []store.StreamInfo{}}
	for info, err := range lister.Streams(r.Context(), prefix) {
		if err != nil {
			return err
		}
		if info.Name <= after {
			continue
		}
		if len(page.Streams) == limit {
			page.Next = nextPage(r.URL, "after", page.Streams[limit-1].Name)
			break
		}
		page.Streams = append(page.Streams, info)
	}
	return writeJSON(w, http.StatusOK, page)
}

// nextPage is the same request with one parameter changed.
func nextPage(u *url.URL, name, value string) *string {
	query := u.Query()
	query.Set(name, value)
	next := u.EscapedPath() + "?" + query.Encode()
	return &next
}

// stats answers GET /v1/stats.
func (s *Server) stats(w http.ResponseWriter, r *http.Request) error {
	counter, ok := s.cfg.Store.Statistics()
	if !ok {
		return notAvailable("count its contents")
	}
	if err := parseParameters(r.URL.RawQuery).err(); err != nil {
		return err
	}
	stats, err := counter.Stats(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, stats)
}
