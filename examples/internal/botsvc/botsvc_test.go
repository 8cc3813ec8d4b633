package botsvc_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/examples/internal/botsvc"
	"github.com/carlware/gochat/transport/memory"
)

const (
	wait = 10 * time.Second
	tick = 5 * time.Millisecond
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask types a line into a chat whose bot runs behind the broker.
func ask(t *testing.T, quotes, line string) (chat.Outcome, []chat.Event) {
	quiet := slog.New(slog.DiscardHandler)
	broker := memory.New(&memory.Options{Logger: quiet})
	defer broker.Close()
	node, err := chat.New(&chat.Options{Broker: broker, Lobby: "general", Logger: quiet})
	require.NoError(t, err)
	defer node.Shutdown(context.Background())

	botCtx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- botsvc.Run(botCtx, botsvc.Config{Broker: broker, Quotes: quotes, Logger: quiet}) }()
	defer func() {
		stop()
		require.NoError(t, <-ended)
	}()

	ctx := t.Context()
	require.NoError(t, node.Admit(ctx, chat.Principal{User: chat.User{ID: "ann", Name: "ann"}}))
	require.Eventually(t, func() bool {
		specs, err := node.Commands(ctx, "ann", "")
		require.NoError(t, err)
		for _, s := range specs {
			if s.Name == "stock" {
				return true
			}
		}
		return false
	}, wait, tick, "the bot announces itself")
	rooms, err := node.Rooms(ctx, "ann", "", 0)
	require.NoError(t, err)
	room, err := node.Room(ctx, "ann", rooms[0].ID)
	require.NoError(t, err)
	call, err := room.Command(ctx, "ann", chat.CommandLine{ID: chat.NewID(), Text: line})
	require.NoError(t, err)
	outcome, err := call.Wait(ctx)
	require.NoError(t, err)
	page, err := room.History(ctx, "ann", chat.Range{})
	require.NoError(t, err)
	return outcome, page.Events
}

func TestAnswersFromTheQueue(t *testing.T) {
	outcome, events := ask(t, "sample", "/stock=aapl.us")
	require.Equal(t, chat.CallDone, outcome.Status)
	last := events[len(events)-1]
	require.Contains(t, last.Text, "AAPL.US quote is $")
	require.Equal(t, chat.UserID("bot:stockbot"), last.User.ID)
	require.Equal(t, chat.UserID("ann"), last.Call.By.ID)
}

func TestQuotesOfAServer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "aapl.us", r.FormValue("s"))
		fmt.Fprint(w, "Symbol,Date,Time,Open,High,Low,Close,Volume\nAAPL.US,2026-01-02,22:00:09,93.1,94.02,92.8,93.42,5\n")
	}))
	defer server.Close()
	_, events := ask(t, server.URL+"/q/l/", "/stock=aapl.us")
	require.Contains(t, events[len(events)-1].Text, "AAPL.US quote is $93.42 per share")
}

func TestProvider(t *testing.T) {
	for _, spec := range []string{"sample", "stooq", "finnhub", "https://quotes.example/q", "finnhub, stooq,sample"} {
		_, err := botsvc.Provider(botsvc.Config{Quotes: spec, FinnhubKey: "key"})
		require.NoError(t, err, spec)
	}
	for spec, says := range map[string]string{
		"yahoo": `"yahoo" is unknown: use sample, finnhub, stooq`, "sample,": `"" is unknown`, "": `"" is unknown`,
		"http://": "", "finnhub": "GOCHAT_FINNHUB_KEY",
	} {
		_, err := botsvc.Provider(botsvc.Config{Quotes: spec})
		require.ErrorContains(t, err, says, spec)
	}
	_, err := botsvc.Provider(botsvc.Config{Quotes: "finnhub", FinnhubKey: "secret key"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}

// When the first source can't be asked the next one is.
func TestQuotesOfTheNextSource(t *testing.T) {
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer down.Close()
	_, events := ask(t, down.URL+",sample", "/stock=aapl.us")
	require.Contains(t, events[len(events)-1].Text, "AAPL.US quote is $")
	outcome, _ := ask(t, down.URL, "/stock=aapl.us")
	require.Equal(t, chat.CallFailed, outcome.Status)
	require.Contains(t, outcome.Error.Message, "takes no more questions")
}
