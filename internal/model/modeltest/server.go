// Package modeltest has providers on loopback. They speak OpenAI's and Anthropic's wire formats, refuse questions that
// the real ones refuse, and misbehave as they are told.
package modeltest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// A Reply is what a server answers to one question. The zero Reply is an empty one.
type Reply struct {
	Text     string
	Thinking string // Anthropic: a thinking block; OpenAI: reasoning_content
	Calls    []Call
	Stop     string // why it ended, in the provider's own word; "" is whatever fits
	In, Out  int    // tokens; In holds Cached
	Cached   int

	Status  int // of an error, with the next four
	Type    string
	Code    string
	Message string
	Param   string
	Header  map[string]string

	Raw  string // the body, instead of all of the above but Status and Header
	Cut  bool   // the connection breaks in the middle of the body
	Hang bool   // nothing comes until the client gives up
	Drip bool   // the body begins and then comes in blanks, without end, until the client gives up

	Do func(Request) Reply // decides when it is asked; replaces the rest
}

// A Call is one tool call of a reply. Args is sent as it is: OpenAI's format lets models write what is no JSON.
type Call struct {
	ID, Name, Args string
	Extra          map[string]any // further members of the call, as Google sends them
}

// A Request is one question as it arrived.
type Request struct {
	Header http.Header
	Raw    []byte
	Body   map[string]any
}

// A Server is a provider.
type Server struct {
	URL     string // the base URL to configure
	http    *httptest.Server
	replies []Reply
	write   func(Reply) any
	check   func(map[string]any) string
	fault   func(Reply) any

	mu    sync.Mutex
	asked []Request
}

// OpenAI starts a server that speaks chat completions.
func OpenAI(replies ...Reply) *Server {
	s := &Server{replies: replies, write: openaiReply, check: openaiCheck, fault: openaiFault}
	return s.start("/v1/chat/completions")
}

// Anthropic starts a server that speaks Anthropic's messages.
func Anthropic(replies ...Reply) *Server {
	s := &Server{replies: replies, write: anthropicReply, check: anthropicCheck, fault: anthropicFault}
	return s.start("/v1/messages")
}

func (s *Server) start(path string) *Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+path, s.serve)
	s.http = httptest.NewServer(mux)
	s.URL = s.http.URL + "/v1"
	return s
}

// Close stops the server.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Requests returns the questions so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.asked...)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	req := Request{Header: r.Header.Clone(), Raw: raw}
	if err != nil || json.Unmarshal(raw, &req.Body) != nil {
		s.send(w, s.fault(Reply{Type: "invalid_request_error", Message: "the question is no JSON object"}), http.StatusBadRequest, nil)
		return
	}
	s.mu.Lock()
	n := len(s.asked)
	s.asked = append(s.asked, req)
	s.mu.Unlock()
	if why := s.check(req.Body); why != "" {
		s.send(w, s.fault(Reply{Type: "invalid_request_error", Message: why}), http.StatusBadRequest, nil)
		return
	}
	if n >= len(s.replies) {
		why := fmt.Sprintf("the script has %d replies and was asked for another", len(s.replies))
		s.send(w, s.fault(Reply{Type: "script_error", Message: why}), http.StatusTeapot, nil)
		return
	}
	reply := s.replies[n]
	if reply.Do != nil {
		reply = reply.Do(req)
	}
	s.answer(w, r, reply)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, reply Reply) {
	status := reply.Status
	if status == 0 {
		status = http.StatusOK
	}
	switch {
	case reply.Hang:
		<-r.Context().Done()
	case reply.Drip:
		w.Header().Set("Content-Type", "application/json")
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, " "); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush() // the client may be gone
			time.Sleep(time.Millisecond)
		}
	case reply.Cut:
		data, err := json.Marshal(s.write(reply))
		if err != nil {
			panic(err) // a reply holds nothing but strings and numbers
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:len(data)/2])
		panic(http.ErrAbortHandler)
	case reply.Raw != "":
		for k, v := range reply.Header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, reply.Raw)
	case reply.Status != 0 || reply.Message != "":
		s.send(w, s.fault(reply), status, reply.Header)
	default:
		s.send(w, s.write(reply), status, reply.Header)
	}
}

func (s *Server) send(w http.ResponseWriter, body any, status int, header map[string]string) {
	for k, v := range header {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
