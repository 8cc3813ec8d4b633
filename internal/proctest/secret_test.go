package proctest

import "testing"

func TestSecrets(t *testing.T) {
	for text, want := range map[string]bool{
		"amqp://user:…@host/":                                                       false,
		"login user=K3 session=S5 addr=127.0.0.1":                                   false,
		"gochat  http://127.0.0.1:8080":                                             false,
		"broker=amqp://127.0.0.1:5672/vhost":                                        false,
		"see https://example.com/a:b@c":                                             false,
		"Bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIiwiZXhwIjoxfQ.c2ln":               true,
		`{"hash":"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$a2V5"}`:                true,
		"open postgres://ann:geheim@127.0.0.1/chat":                                 true,
		"dial amqps://stock:p%40ss@mq.example: connection refused":                  true,
		"the store is postgres://ann@127.0.0.1/chat, the broker amqp://guest@mq:1/": false,
	} {
		if got := secret.MatchString(text); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
}
