package server_test

import (
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/server"
)

func TestPageIsServedWithAStrictPolicy(t *testing.T) {
	h := newServer(t, server.Config{}).Handler()
	for path, contentType := range map[string]string{
		"/ui/": "text/html; charset=utf-8", "/ui/index.html": "text/html; charset=utf-8", "/ui/app.js": "text/javascript; charset=utf-8",
		"/ui/style.css": "text/css; charset=utf-8", "/ui/icon.svg": "image/svg+xml",
	} {
		rep := send(t, h, request{target: path})
		if rep.status != http.StatusOK || rep.header.Get("Content-Type") != contentType {
			t.Errorf("GET %s: status %d, content type %q", path, rep.status, rep.header.Get("Content-Type"))
		}
		policy := rep.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
			t.Errorf("GET %s: policy %q", path, policy)
		}
		again := send(t, h, request{target: path, header: map[string]string{"If-None-Match": rep.header.Get("ETag")}})
		if again.status != http.StatusNotModified {
			t.Errorf("GET %s again: status %d", path, again.status)
		}
	}
	problem(t, send(t, h, request{target: "/ui/nothing.js"}), http.StatusNotFound)
}

func TestRootLeadsToThePage(t *testing.T) {
	h := newServer(t, server.Config{}).Handler()
	for _, path := range []string{"/", "/ui"} {
		rep := send(t, h, request{target: path})
		if rep.status/100 != 3 || rep.header.Get("Location") != "/ui/" {
			t.Errorf("GET %s: status %d to %q", path, rep.status, rep.header.Get("Location"))
		}
	}
}

// TestPageNeedsNothingFromElsewhere reads the files: no address of another server, and no script or style inside of the HTML, which
// the policy would stop.
func TestPageNeedsNothingFromElsewhere(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\son[a-z]+=|\sstyle=|javascript:`)
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`)
	files := os.DirFS("ui")
	names, err := fs.Glob(files, "*")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(content), `xmlns="http://www.w3.org/2000/svg"`, "")
		if regexp.MustCompile(`(?i)(https?:)?//[a-z0-9-]+\.[a-z]`).MatchString(text) {
			t.Errorf("%s names another server", name)
		}
		if strings.HasSuffix(name, ".html") && inline.MatchString(text) {
			t.Errorf("%s has inline script or style: %q", name, inline.FindString(text))
		}
		if strings.HasSuffix(name, ".js") && markup.MatchString(text) {
			t.Errorf("%s makes markup of text: %q", name, markup.FindString(text))
		}
	}
}
