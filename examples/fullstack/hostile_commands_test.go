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

// quotes is a source of quotes that does what its symbols say.
func quotes(t *testing.T) string {
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
			case <-r.Context().Done():
			case <-t.Context().Done():
			}
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
	return s.URL + "/q/l/"
}

// hostilePrices are what no price is, by symbol.
var hostilePrices = map[string]string{
	"nd": "N/D", "comma": "1,5", "wide": "１２", "minus": "-1", "zero": "0", "huge": "1e9999", "word": "NaN", "formula": "=1+1",
}

// commands are 101 and 106.
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
			limited, own := 0, g.room(foreign)
			for range 20 {
				if code := g.as(foreign, "POST", own+"/commands", `{"id":"`+newID()+`","text":"/nothing"}`).status; code == 429 {
					limited++
				}
			}
			require.Positive(g.t, limited)
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
			for _, name := range []string{"json", "quote", "nul", "none", "two", "other", "long", "moved", "gone", "broken", "page"} {
				says("no_quote", "/stock="+name+".us")
			}
		},
	}
}
