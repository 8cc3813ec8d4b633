package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m, main) }

func TestReminds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		node, err := chat.New(&chat.Options{Lobby: "office"})
		require.NoError(t, err)
		ended := make(chan error)
		listen, stop := context.WithCancel(ctx)
		go func() { ended <- remind(listen, node) }()
		synctest.Wait()

		ana := chat.User{ID: "ana", Name: "Ana"}
		require.NoError(t, node.Admit(ctx, chat.Principal{User: ana}))
		rooms, err := node.Rooms(ctx, ana.ID, "", 0)
		require.NoError(t, err)
		office, err := node.Room(ctx, ana.ID, rooms[0].ID)
		require.NoError(t, err)
		// A room that is made while the bot is there.
		garden, err := node.CreateRoom(ctx, ana.ID, chat.NewRoom{ID: chat.NewID(), Name: "garden"})
		require.NoError(t, err)
		synctest.Wait()

		say := func(room chat.Room, text string) {
			_, err := room.Post(ctx, ana.ID, chat.Draft{ID: chat.NewID(), Text: text})
			require.NoError(t, err)
			synctest.Wait()
		}
		heard := func(room chat.Room) (texts []string) {
			page, err := room.History(ctx, ana.ID, chat.Range{})
			require.NoError(t, err)
			for _, e := range page.Events {
				if e.Kind == chat.Message && e.User.ID == me.ID {
					require.True(t, e.User.Bot)
					require.NotZero(t, e.Ref, "it is a reply")
					texts = append(texts, e.Text)
				}
			}
			return texts
		}
		say(office, "Remind me in 5m to stretch")
		say(garden, "remind me in 2m to water the roses")
		say(office, "remind me in ages to do nothing")
		say(office, "remind me in 1000h to grow old")
		say(office, "who reminds me?")
		const usage = "I can do that for times such as 90s, 5m or 1h30m, up to 24h."
		require.Equal(t, []string{"I will, Ana.", usage, usage}, heard(office))
		time.Sleep(2*time.Minute + time.Second)
		require.Equal(t, []string{"I will, Ana.", "Ana: water the roses"}, heard(garden))
		require.Len(t, heard(office), 3)
		time.Sleep(3 * time.Minute)
		require.Equal(t, []string{"I will, Ana.", usage, usage, "Ana: stretch"}, heard(office))

		stop()
		require.NoError(t, <-ended)
		require.NoError(t, node.Shutdown(ctx))
	})
}

func TestProgram(t *testing.T) {
	addr := proctest.FreeAddr(t)
	cmd := proctest.Self(t)
	cmd.Env = append(cmd.Env, "ADDR="+addr)
	proctest.Start(t, cmd)
	require.Eventually(t, func() bool {
		r, err := http.NewRequest("GET", "http://"+addr+"/chat/rooms", strings.NewReader(""))
		require.NoError(t, err)
		r.SetBasicAuth("ann", "x")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
}
