package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carlware/gochat/chat"
	"github.com/carlware/gochat/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m, main) }

func TestShopWithChat(t *testing.T) {
	addr := proctest.FreeAddr(t)
	cmd := proctest.Self(t)
	cmd.Env = append(cmd.Env, "ADDR="+addr)
	proctest.Start(t, cmd)
	ask := func(method, path, body string) (status int, answer string, err error) {
		r, err := http.NewRequest(method, "http://"+addr+path, strings.NewReader(body))
		require.NoError(t, err)
		r.SetBasicAuth("ann", "x")
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(data), err
	}
	require.Eventually(t, func() bool {
		_, front, err := ask("GET", "/", "")
		return err == nil && strings.Contains(front, "shop")
	}, time.Minute, 20*time.Millisecond, "the shop is still there")

	_, list, err := ask("GET", "/chat/rooms", "")
	require.NoError(t, err)
	var rooms struct{ Rooms []chat.RoomInfo }
	require.NoError(t, json.Unmarshal([]byte(list), &rooms))
	require.Equal(t, "support", rooms.Rooms[0].Name)
	path := "/chat/rooms/" + string(rooms.Rooms[0].ID)

	for line, want := range map[string]string{
		"/order 17": `"status":"done"`,
		"/order 99": "There is no such order.",
		"/order x":  `"code":"usage"`,
	} {
		_, answer, err := ask("POST", path+"/commands", `{"id":"`+chat.NewID()+`","text":"`+line+`"}`)
		require.NoError(t, err)
		require.Contains(t, answer, want, line)
	}
	_, history, err := ask("GET", path+"/messages", "")
	require.NoError(t, err)
	require.Contains(t, history, "Order 17 is on its way.")
}
