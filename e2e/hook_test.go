package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	_ "embed"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

//go:embed sockets.js
var socketsHook string

// inject runs a script in each document of the page before its own.
func (p *page) inject(script string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	require.NoError(p.t, err)
}

// login logs name in on a page that is there already.
func (p *page) login(url, name string) {
	p.t.Helper()
	p.open(url)
	p.state("login")
	p.fill("login-username", name)
	p.fill("login-password", "1234")
	p.click("login-submit")
	p.state("online")
}

// call is a request of the auth service, as a program makes it.
func call(t testing.TB, method, url, token string, body, into any) {
	t.Helper()
	b, err := json.Marshal(body)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(b))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Less(t, res.StatusCode, 300, "%s %s", method, url)
	if into != nil {
		require.NoError(t, json.NewDecoder(res.Body).Decode(into))
	}
}

// rename gives a user another name, as he may himself.
func (s *server) rename(user, name string) {
	s.t.Helper()
	var session struct {
		Token string `json:"access_token"`
	}
	call(s.t, "POST", s.url+"/auth/login", "", map[string]string{"username": user, "password": "1234"}, &session)
	call(s.t, "PATCH", s.url+"/auth/profile", session.Token, map[string]string{"name": name}, nil)
}
