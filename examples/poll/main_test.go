package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/commandtest"
	"github.com/carlware/gochat/internal/proctest"
	"github.com/carlware/gochat/transport/memory"
)

func TestMain(m *testing.M) { proctest.Main(m, main) }

func TestConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commandtest.Transcript(t, newBot(), "testdata/office.txt", nil)
	})
}

func TestRoomsAreApart(t *testing.T) {
	bot := newBot()
	commandtest.Run(t, bot, "/poll why", nil)
	r := commandtest.Run(t, bot, "/vote 1 yes", &commandtest.Options{Room: command.Room{ID: "other"}})
	require.Equal(t, "There is no poll 1 here.", r.Err.Message)
}

// A queue may bring a question twice: it is one poll all the same.
func TestAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := commandtest.Faulty(memory.New(nil), &commandtest.Faults{Requests: commandtest.Rates{Duplicate: 1}})
		defer broker.Close()
		room := commandtest.Behind(t, broker, newBot())
		for i := range 3 {
			require.Contains(t, room.Run("/poll why", nil).Public(0), fmt.Sprintf("/vote %d ", i+1))
			time.Sleep(time.Minute)
		}
		require.Len(t, room.Replies(), 6)
	})
}

func TestProgram(t *testing.T) {
	addr := proctest.FreeAddr(t)
	cmd := proctest.Self(t)
	cmd.Env = append(cmd.Env, "ADDR="+addr)
	proctest.Start(t, cmd)
	ask := func(method, path, body string) (string, error) {
		r, err := http.NewRequest(method, "http://"+addr+"/chat"+path, strings.NewReader(body))
		require.NoError(t, err)
		r.SetBasicAuth("ann", "x")
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		return string(data), err
	}
	var list string
	require.Eventually(t, func() bool {
		var err error
		list, err = ask("GET", "/rooms", "")
		return err == nil
	}, time.Minute, 20*time.Millisecond)
	_, id, _ := strings.Cut(list, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	for _, line := range []string{`/poll Lunch? pizza sushi`, `/vote 1 sushi`} {
		answer, err := ask("POST", "/rooms/"+id+"/commands", `{"id":"`+chat.NewID()+`","text":"`+line+`"}`)
		require.NoError(t, err)
		require.Contains(t, answer, `"status":"`, line)
		require.NotContains(t, answer, `"failed"`, line)
	}
	history, err := ask("GET", "/rooms/"+id+"/messages", "")
	require.NoError(t, err)
	require.Contains(t, history, "ann asks: Lunch?")
	require.NotContains(t, history, "You voted", "that was for ann alone")
}
