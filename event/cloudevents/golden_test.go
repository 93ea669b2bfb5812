package cloudevents_test

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTheFormatIsTheGoldenOne(t *testing.T) {
	text := records["text"]
	binary := records["bytes"]
	for name, write := range map[string]func() ([]byte, error){
		"full.json":    func() ([]byte, error) { return cloudevents.Marshal(full()) },
		"minimal.json": func() ([]byte, error) { return cloudevents.Marshal(records["nothing but id and type"]) },
		"text.json":    func() ([]byte, error) { return cloudevents.Marshal(text) },
		"binary.json":  func() ([]byte, error) { return cloudevents.Marshal(binary) },
		"types.json":   func() ([]byte, error) { return cloudevents.Marshal(records["foreign types"]) },
		"batch.json":   func() ([]byte, error) { return cloudevents.AppendBatch(nil, []event.Record{text, binary}) },
		"full.http":    func() ([]byte, error) { return message(full()) },
		"minimal.http": func() ([]byte, error) { return message(records["nothing but id and type"]) },
	} {
		t.Run(name, func(t *testing.T) {
			got, err := write()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("wrote\n%s\nwant\n%s\nrun go test -update if this is meant", got, want)
			}
		})
	}
}

// message is the record in binary mode as net/http writes it, with plain line breaks.
func message(r event.Record) ([]byte, error) {
	header := http.Header{}
	if err := cloudevents.SetHeader(header, &r); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := header.Write(&b); err != nil {
		return nil, err
	}
	b.WriteString("\r\n")
	b.Write(r.Data)
	return bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), []byte("\n")), nil
}
