package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// writeJSON answers with a value as JSON, without HTML escaping.
func writeJSON(w http.ResponseWriter, status int, value any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	writeBody(w, status, "application/json", b.Bytes())
	return nil
}

// writeBody answers with a body that must not be cached: the next event changes it.
func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that has gone needs no answer
}
