package server

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"net/http"
	"path"
	"time"
)

//go:embed ui
var uiFolder embed.FS

// uiFile is one file of the page.
type uiFile struct {
	contentType, tag string
	content          []byte
}

// uiTypes are stated here: what the machine would say of .js differs from machine to machine.
var uiTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
}

// uiPolicy lets the page load its own files and call its own server, and nothing else.
const uiPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func uiFiles() map[string]uiFile {
	entries, err := uiFolder.ReadDir("ui")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	files := map[string]uiFile{}
	for _, entry := range entries {
		content, err := uiFolder.ReadFile("ui/" + entry.Name())
		if err != nil {
			panic(err)
		}
		files[entry.Name()] = uiFile{
			contentType: uiTypes[path.Ext(entry.Name())],
			tag:         fmt.Sprintf(`"%x"`, sha256.Sum256(content)),
			content:     content,
		}
	}
	files[""] = files["index.html"]
	return files
}

// ui answers GET /ui/ and the files below.
func ui() endpoint {
	files := uiFiles()
	return func(w http.ResponseWriter, r *http.Request) error {
		file, ok := files[r.PathValue("file")]
		if !ok {
			return notFound("there is nothing at " + r.URL.Path)
		}
		header := w.Header()
		header.Set("Content-Type", file.contentType)
		header.Set("Content-Security-Policy", uiPolicy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache") // ask each time; the tag spares the body
		header.Set("ETag", file.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.content))
		return nil
	}
}
