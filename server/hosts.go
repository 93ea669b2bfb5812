package server

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// hostCheck reports whether a request may be for the host; nil lets every host pass.
type hostCheck func(host string) bool

// hostsFor is how Serve checks hosts. On a loopback address only this machine's own names pass, so that a web page cannot reach
// the server by giving its own name that address (DNS rebinding).
func (s *Server) hostsFor(addr net.Addr) hostCheck {
	tcp, ok := addr.(*net.TCPAddr)
	if len(s.cfg.Hosts) == 0 && ok && tcp.IP.IsLoopback() {
		return isLoopback
	}
	return hostsNamed(s.cfg.Hosts)
}

func hostsNamed(names []string) hostCheck {
	if len(names) == 0 {
		return nil
	}
	return func(host string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, host) })
	}
}

func isLoopback(host string) bool {
	name := strings.ToLower(host)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || net.ParseIP(name).IsLoopback()
}

func (s *Server) onlyFor(allowed hostCheck, next http.Handler) http.Handler {
	if allowed == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostname(r.Host)
		if allowed(host) {
			next.ServeHTTP(w, r)
			return
		}
		s.fail(w, r, &Problem{
			Type: kindUnknownHost, Title: "Unknown host", Status: http.StatusMisdirectedRequest,
			Detail: "this server does not answer for the host " + strconv.Quote(host),
		})
	})
}

// hostname is the Host header without port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}
