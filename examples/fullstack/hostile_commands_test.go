package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	csvHead = "Symbol,Date,Time,Open,High,Low,Close,Volume\r\n"
	csvLine = "%s,2026-01-02,22:00:09,93.1,94.02,92.8,%s,51234567\r\n"
)

// source is a server of quotes that does what its symbols say.
type source struct {
	url     string
	asked   chan struct{} // gets one when slow.us is asked for
	release chan struct{} // has slow.us answered, when it is closed
}

func quotes(t *testing.T) *source {
	of := &source{asked: make(chan struct{}, 1), release: make(chan struct{})}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the bot followed to another host")
	}))
	t.Cleanup(elsewhere.Close)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		symbol := r.URL.Query().Get("s")
		name, _, _ := strings.Cut(strings.ToLower(symbol), ".")
		line := fmt.Sprintf(csvLine, strings.ToUpper(symbol), "93.42")
		if price, ok := hostilePrices[name]; ok {
			fmt.Fprintf(w, csvHead+csvLine, strings.ToUpper(symbol), price)
			return
		}
		switch name {
		case "slow":
			select {
			case of.asked <- struct{}{}:
			default:
			}
			select {
			case <-of.release:
			case <-r.Context().Done():
			case <-t.Context().Done():
			}
			fmt.Fprint(w, csvHead+line)
		case "order":
			fmt.Fprintf(w, "\ufeffClose,Symbol,Extra\r\n93.42,%s,x\r\n", strings.ToUpper(symbol))
		case "json":
			fmt.Fprint(w, `{"price":1}`)
		case "quote":
			fmt.Fprint(w, csvHead+`"AAPL`)
		case "nul":
			fmt.Fprint(w, csvHead+strings.Replace(line, "93.42", "93\x00.42", 1))
		case "none":
			fmt.Fprint(w, csvHead)
		case "two":
			fmt.Fprint(w, csvHead+line+line)
		case "other":
			fmt.Fprintf(w, csvHead+csvLine, "EVIL.US", "1")
		case "long":
			fmt.Fprint(w, csvHead+line+strings.Repeat("\r\n", 70<<10))
		case "moved":
			http.Redirect(w, r, elsewhere.URL, http.StatusMovedPermanently)
		case "gone":
			w.WriteHeader(http.StatusNotFound)
		case "broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "page": // from here on the bot leaves the source alone
			fmt.Fprint(w, "<!DOCTYPE html><html>")
		default:
			fmt.Fprint(w, csvHead+line)
		}
	}))
	t.Cleanup(s.Close)
	of.url = s.URL + "/q/l/"
	return of
}

// hostilePrices are what no price is, by symbol.
var hostilePrices = map[string]string{
	"nd": "N/D", "comma": "1,5", "wide": "１２", "minus": "-1", "zero": "0", "huge": "1e9999", "word": "NaN", "formula": "=1+1",
}

// limited says that what is done again and again is refused, when it has been
// done so often at the latest.
func (g *target) limited(most int, refused func() bool) {
	g.t.Helper()
	for range most {
		if refused() {
			return
		}
	}
	require.Fail(g.t, "there is no limit")
}

// commands are 101 and 106, but for a page in place of quotes, which is at the
// end of all.
func (g *target) commands() map[int]func() {
	// typed gives each line a user of its own now and then, since commands have
	// a rate, and returns the code of what comes of it.
	var p person
	var room string
	left := 0
	typed := func(line string) (code, text string) {
		g.t.Helper()
		if left--; left < 0 {
			p, left = g.user(), 3
			room = g.room(p)
		}
		b, err := json.Marshal(map[string]string{"id": newID(), "text": line})
		require.NoError(g.t, err)
		before := g.last(p, room).Seq
		a := g.as(p, "POST", room+"/commands", string(b))
		var got struct{ Code, Detail string }
		require.NoError(g.t, json.Unmarshal([]byte(a.body), &got), a.body)
		last := g.last(p, room)
		if got.Code != "" {
			require.Equal(g.t, before, last.Seq, "only the caller sees it")
			return got.Code, got.Detail
		}
		require.Equal(g.t, before+1, last.Seq)
		require.True(g.t, last.User.Bot)
		return "", last.Text
	}
	says := func(want string, lines ...string) {
		g.t.Helper()
		for _, line := range lines {
			code, text := typed(line)
			require.Equal(g.t, want, code, "%.60q: %s", line, text)
		}
	}
	return map[int]func(){
		101: func() {
			says("usage", "/stock", "/stock=", "/stock=   ", "/stock=../", "/stock=a&s=b", "/stock=%0d%0a", "/stock=http://169.254.169.254/", "/stock=ä.us")
			says("unknown_command", "/unknown=1", "/stok=aapl.us", "/ünknown")
			says("usage", "/stock="+strings.Repeat("x", 10<<10), "/stock="+strings.Repeat("x", 17<<10))
			says("usage", "/stock=a\x00b")
			says("usage", "plain text", " /stock=aapl.us", "／stock=aapl.us")
			says("", "/STOCK=AAPL.US")
			_, text := typed("/stok=aapl.us")
			require.Contains(g.t, text, "/stock", "the nearest name is offered")
			foreign := g.user()
			a := g.as(foreign, "POST", g.rooms["private"]+"/commands", `{"id":"`+newID()+`","text":"/stock=aapl.us"}`)
			g.refusal(a, 404, "a room of others")
			require.Equal(g.t, 200, g.as(p, "PATCH", room, `{"id":"`+newID()+`","archived":true}`).status)
			a = g.as(p, "POST", room+"/commands", `{"id":"`+newID()+`","text":"/stock=aapl.us"}`)
			require.Equal(g.t, 403, a.status, a.body)
			left = 0
			own := g.room(foreign)
			g.limited(100, func() bool { // 5 at once, 2 a second
				return g.as(foreign, "POST", own+"/commands", `{"id":"`+newID()+`","text":"/nothing"}`).status == 429
			})
		},
		106: func() {
			_, text := typed("/stock=order.us")
			require.Contains(g.t, text, "$93.42", "columns are found by their names")
			says("unknown_symbol", "/stock=nd.us")
			for name := range hostilePrices {
				if name != "nd" {
					says("no_quote", "/stock="+name+".us")
				}
			}
			for _, name := range []string{"json", "quote", "nul", "none", "two", "other", "long", "moved", "gone", "broken"} {
				says("no_quote", "/stock="+name+".us")
			}
		},
	}
}
