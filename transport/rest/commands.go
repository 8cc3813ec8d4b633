package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/carlware/gochat/chat"
)

// late is how long after its deadline an outcome is waited for: a node that
// died is noticed by another one's sweep.
const late = 5 * time.Second

func (q *request) command() error {
	var body struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	key, err := q.key(body.ID)
	if err != nil {
		return err
	}
	room, err := q.in()
	if err != nil {
		return err
	}
	call, err := room.Command(q.r.Context(), q.by, chat.CommandLine{ID: key, Text: body.Text})
	if err != nil {
		return err
	}
	patience := max(call.Timeout, 0) + late
	q.allow(patience)
	ctx, cancel := context.WithTimeout(q.r.Context(), patience)
	defer cancel()
	outcome, err := call.Wait(ctx)
	if err != nil && ctx.Err() != nil && q.r.Context().Err() == nil {
		return q.reply(http.StatusAccepted, chat.Outcome{ID: key, Call: call.ID, Room: chat.RoomID(q.r.PathValue("room")), Status: chat.CallPending})
	}
	if err != nil {
		return err
	}
	if e := outcome.Error; e != nil {
		p := problemOf(e)
		p.Call, p.Room = outcome.Call, outcome.Room
		return p
	}
	return q.reply(http.StatusOK, outcome)
}

// allow moves the deadlines of the server, which are meant for requests that
// do not wait, behind d. A deadline that ends while a handler runs would also
// cancel its context.
func (q *request) allow(d time.Duration) {
	server, ok := q.r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return
	}
	// A writer that does not support it has no deadlines that could be moved.
	c := http.NewResponseController(q.w)
	if server.ReadTimeout > 0 {
		_ = c.SetReadDeadline(time.Now().Add(d + server.ReadTimeout))
	}
	if server.WriteTimeout > 0 {
		_ = c.SetWriteDeadline(time.Now().Add(d + server.WriteTimeout))
	}
}
