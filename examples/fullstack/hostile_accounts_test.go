package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/authsvc"
)

// accountsAndLogins are 41 and 43 to 47.
func (g *target) accountsAndLogins() map[int]func() {
	login := func(body string, header ...string) answer {
		return g.send("POST", g.auth+"/auth/login", body, header...)
	}
	return map[int]func(){
		41: func() {
			wrong := login(`{"username":"carlos","password":"12345"}`)
			unknown := login(`{"username":"nobody","password":"12345"}`)
			require.Equal(g.t, 401, wrong.status)
			require.Equal(g.t, 401, unknown.status)
			require.Equal(g.t, wrong.body, unknown.body)
			require.Equal(g.t, 400, login(`{"username":"carlos","password":""}`).status)
			require.Equal(g.t, 400, login(`{"username":"carlos","password":"`+strings.Repeat("x", 300)+`"}`).status)
			require.Equal(g.t, 413, login(`{"username":"carlos","password":"`+strings.Repeat("x", 1<<20)+`"}`).status)
		},
		43: func() {
			stolen := g.login("carlos")
			conn := g.dial(stolen)
			next := g.person(g.refresh(stolen.cookie))
			next = g.person(g.refresh(next.cookie))
			require.Equal(g.t, 401, g.refresh(stolen.cookie).status)
			require.Equal(g.t, 401, g.refresh(next.cookie).status, "the whole session is over")
			g.revoked(conn)
			require.Equal(g.t, 401, g.as(next, "GET", g.chat+"/api/session", "").status)
		},
		44: func() {
			p := g.login("carlos")
			var tabs sync.WaitGroup
			var status [2]int
			for i := range status {
				tabs.Go(func() { status[i] = g.refresh(p.cookie).status })
			}
			tabs.Wait()
			require.Equal(g.t, [2]int{200, 200}, status)
		},
		45: func() {
			p := g.login("carlos")
			for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://evil.example"}, {"Origin", "null"}} {
				for _, path := range []string{"/auth/refresh", "/auth/logout"} {
					a := g.send("POST", g.auth+path, "{}", append(header, "Cookie", cookieName+"="+p.cookie)...)
					require.Equal(g.t, 403, a.status, header)
				}
			}
			require.Equal(g.t, 200, g.refresh(p.cookie).status, "nothing has happened")
		},
		46: func() {
			p := g.login("carlos")
			for range 2 {
				require.Equal(g.t, 204, g.send("POST", g.auth+"/auth/logout", "{}", "Cookie", cookieName+"="+p.cookie).status)
			}
		},
		47: func() {
			p := g.login("carlos")
			require.Equal(g.t, 404, g.as(p, "DELETE", g.auth+"/auth/sessions/"+g.john.session, "").status)
			g.read(g.as(p, "PATCH", g.auth+"/auth/profile", `{"name":"Charles","id":"`+g.john.id+`","user":"`+g.john.id+`"}`), new(any))
			var got struct{ User authsvc.User }
			g.read(g.as(g.john, "GET", g.auth+"/auth/profile", ""), &got)
			require.Equal(g.t, "john", got.User.Name)
			require.Equal(g.t, 409, g.as(p, "PATCH", g.auth+"/auth/profile", `{"name":"John"}`).status)
		},
	}
}

// foreign are 48 to 51.
func (g *target) foreign() map[int]func() {
	p := g.login("carlos")
	hidden := func(room string) {
		url := g.rooms[room]
		for what, a := range map[string]answer{
			"history": g.as(p, "GET", url+"/messages", ""),
			"room":    g.as(p, "GET", url, ""),
			"members": g.as(p, "GET", url+"/members", ""),
			"post":    g.as(p, "POST", url+"/messages", `{"id":"`+chat.NewID()+`","text":"mine"}`),
			"edit":    g.as(p, "PATCH", url+"/messages/2", `{"id":"`+chat.NewID()+`","text":"mine"}`),
			"delete":  g.as(p, "DELETE", url+"/messages/2?id="+chat.NewID(), ""),
			"join":    g.as(p, "POST", url+"/members", `{"id":"`+chat.NewID()+`"}`),
			"command": g.as(p, "POST", url+"/commands", `{"id":"`+chat.NewID()+`","text":"/stock=aapl.us"}`),
		} {
			require.Contains(g.t, []int{400, 404}, a.status, "%s: %s", what, a.body)
			if what == "history" || what == "room" || what == "members" || what == "post" {
				require.Equal(g.t, 404, a.status, what)
				missing := g.as(p, "GET", g.chat+"/api/rooms/"+chat.NewID()+"/messages", "")
				require.Equal(g.t, missing.body, g.as(p, "GET", url+"/messages", "").body, "it can't be told from one that does not exist")
			}
			require.NotContains(g.t, a.body, "ours")
		}
	}
	return map[int]func(){
		48: func() { hidden("private") },
		49: func() { hidden("direct") },
		50: func() {
			for _, query := range []string{"limit=-1", "limit=0", "limit=1000000000", "limit=abc", "before=9223372036854775808", "after=-1"} {
				require.Equal(g.t, 400, g.as(g.john, "GET", g.rooms["public"]+"/messages?"+query, "").status, query)
			}
			for _, query := range []string{"limit=-1", "limit=0", "limit=1000000000", "limit=abc"} {
				require.Equal(g.t, 400, g.as(p, "GET", g.auth+"/auth/users?"+query, "").status, query)
			}
		},
		51: func() {
			require.Equal(g.t, 409, g.as(p, "POST", g.chat+"/api/rooms", `{"id":"`+chat.NewID()+`","name":"Market"}`).status, "the name is taken")
			limited := 0
			for i := range 100 {
				a := g.as(p, "POST", g.chat+"/api/rooms", fmt.Sprintf(`{"id":"%s","name":"room %d"}`, chat.NewID(), i))
				if a.status == 429 {
					require.NotEmpty(g.t, a.header.Get("Retry-After"))
					limited++
				}
			}
			require.Greater(g.t, limited, 50)
		},
	}
}

// flood is 42. It comes last, because the address is held back after it: it may
// try 30 times at once and once more every 2 s. A try that finds no processor
// free in time, 503, is given back, and nothing was hashed for it either.
func (g *target) flood() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	began := time.Now()
	for i := range 200 {
		wg.Go(func() {
			a := g.send("POST", g.auth+"/auth/login", fmt.Sprintf(`{"username":"user%d","password":"wrong"}`, i))
			mu.Lock()
			defer mu.Unlock()
			got[a.status]++
		})
	}
	wg.Wait()
	hashed := 30 + int(time.Since(began)/(2*time.Second))
	require.LessOrEqual(g.t, got[401], hashed, "the rest is refused before anything is hashed: %v", got)
	require.Equal(g.t, 200, got[401]+got[429]+got[503], got)
}
