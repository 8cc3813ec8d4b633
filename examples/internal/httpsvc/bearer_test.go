package httpsvc_test

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/examples/internal/httpsvc"
	"github.com/carlware/gochat/examples/internal/token"
)

type noKeys struct{}

func (noKeys) Key(context.Context, string) (ed25519.PublicKey, error) {
	return nil, token.ErrUnavailable
}

func TestAuthenticate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, err := token.GenerateKeys()
		require.NoError(t, err)
		issuer, err := token.NewIssuer(keys, "iss", "aud", nil)
		require.NoError(t, err)
		old, _, err := issuer.Sign(token.Subject{ID: "u", Session: "s"})
		require.NoError(t, err)
		time.Sleep(time.Hour)
		good, _, err := issuer.Sign(token.Subject{ID: "u", Session: "s"})
		require.NoError(t, err)

		guard := func(set token.KeySet) http.Handler {
			m := httpsvc.NewMux(quiet)
			v := token.NewVerifier(set, "iss", "aud", nil)
			m.Func("GET /", func(w http.ResponseWriter, r *http.Request) error {
				claims, err := httpsvc.Authenticate(r, v)
				if err != nil {
					return err
				}
				return httpsvc.WriteJSON(w, 200, claims.Subject.ID)
			})
			return m
		}
		for name, tc := range map[string]struct {
			target    string
			header    []string
			status    int
			code      string
			challenge string
		}{
			"good":                {"/", []string{"Authorization", "Bearer " + good}, 200, "", ""},
			"scheme in lower":     {"/", []string{"Authorization", "bearer " + good}, 200, "", ""},
			"25 none":             {"/", nil, 401, "unauthorized", "Bearer"},
			"25 other scheme":     {"/", []string{"Authorization", "Basic " + good}, 401, "unauthorized", "Bearer"},
			"25 no scheme":        {"/", []string{"Authorization", good}, 401, "unauthorized", "Bearer"},
			"25 empty":            {"/", []string{"Authorization", "Bearer "}, 401, "unauthorized", "Bearer"},
			"26 expired":          {"/", []string{"Authorization", "Bearer " + old}, 401, "token_expired", `Bearer error="invalid_token"`},
			"27 to 37 not good":   {"/", []string{"Authorization", "Bearer " + good + "x"}, 401, "unauthorized", `Bearer error="invalid_token"`},
			"two spaces":          {"/", []string{"Authorization", "Bearer  " + good}, 401, "unauthorized", `Bearer error="invalid_token"`},
			"39 two headers":      {"/", []string{"Authorization", "Bearer " + good, "Authorization", "Bearer " + good}, 400, "bad_request", ""},
			"40 in the query":     {"/?access_token=" + good, nil, 400, "bad_request", ""},
			"40 in both":          {"/?token=" + good, []string{"Authorization", "Bearer " + good}, 400, "bad_request", ""},
			"in a cookie":         {"/", []string{"Cookie", "access_token=" + good}, 401, "unauthorized", "Bearer"},
			"in another's header": {"/", []string{"X-Authorization", "Bearer " + good}, 401, "unauthorized", "Bearer"},
		} {
			w := do(guard(keys), "GET", tc.target, "", tc.header...)
			require.Equal(t, tc.status, w.Code, name)
			require.Equal(t, tc.challenge, w.Header().Get("WWW-Authenticate"), name)
			if tc.code != "" {
				require.Equal(t, tc.code, problemOf(t, w).Code, name)
			}
		}
		w := do(guard(noKeys{}), "GET", "/", "", "Authorization", "Bearer "+good)
		require.Equal(t, 503, w.Code, "not the client's fault: it must not log out")
	})
}
