package rabbittest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Eval evaluates an Erlang expression in the server, and returns its value as
// Erlang writes it, or as it is when it is a binary. The test fails if it
// raises an error.
func (n *Node) Eval(t testing.TB, expr string) string {
	t.Helper()
	v, err := n.eval(expr)
	if err != nil {
		t.Fatalf("rabbittest: %v", err)
	}
	return v
}

func (n *Node) eval(expr string) (string, error) {
	n.mu.Lock()
	p := n.server
	n.mu.Unlock()
	if p == nil {
		return "", errors.New("the server is down")
	}
	return p.eval(expr)
}

// bin is a string as Erlang writes a binary.
func bin(s string) string {
	return `<<"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `~`, `~`).Replace(s) + `"/utf8>>`
}

// New is as the function [New], on this node. The virtual host is deleted with
// all that is in it after the test, if the node runs then.
func (n *Node) New(t testing.TB) VHost {
	t.Helper()
	name := fresh()
	n.Eval(t, fmt.Sprintf(`ok = rabbit_vhost:add(%s, <<"test">>)`, bin(name)))
	t.Cleanup(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.server == nil {
			return
		}
		// In the background: quorum queues take seconds to go.
		if _, err := n.server.eval(fmt.Sprintf(`spawn(fun() -> rabbit_vhost:delete(%s, <<"test">>) end)`, bin(name))); err != nil {
			t.Errorf("rabbittest: %v", err)
		}
	})
	n.permit(t, n.user, name, ".*", ".*", ".*")
	return VHost{URL: n.url(n.user, n.password, name), Name: name, Prefix: name + "."}
}

func (n *Node) permit(t testing.TB, user, vhost, configure, write, read string) {
	t.Helper()
	n.Eval(t, fmt.Sprintf(`ok = rabbit_auth_backend_internal:set_permissions(%s, %s, %s, %s, %s, <<"test">>)`,
		bin(user), bin(vhost), bin(configure), bin(write), bin(read)))
}

// User makes a user who may do in a virtual host what the regular expressions
// match, and returns the URL to connect as that user.
func (n *Node) User(t testing.TB, vhost VHost, configure, write, read string) string {
	t.Helper()
	name := fresh()
	n.Eval(t, fmt.Sprintf(`ok = rabbit_auth_backend_internal:add_user(%s, %s, <<"test">>)`, bin(name), bin(n.password)))
	n.permit(t, name, vhost.Name, configure, write, read)
	return n.url(name, n.password, vhost.Name)
}

const watermark = "0.4"

// Alarm raises the memory alarm, or ends it: while it lasts the server reads
// nothing from connections that publish.
func (n *Node) Alarm(t testing.TB, on bool) {
	t.Helper()
	if err := n.Block(on); err != nil {
		t.Fatalf("rabbittest: %v", err)
	}
}

// Queue is what a server says of a queue.
type Queue struct {
	Name      string `json:"name"`
	Messages  int    `json:"messages"`
	Ready     int    `json:"ready"` // of those, the ones that no consumer has
	Consumers int    `json:"consumers"`
}

// Queues returns the queues of a virtual host. The figures of a quorum queue
// may be some moments old.
func (n *Node) Queues(t testing.TB, vhost VHost) (qs []Queue) {
	t.Helper()
	v := n.Eval(t, fmt.Sprintf(`iolist_to_binary(rabbit_json:encode([
		maps:from_list([case I of {name, {resource, _, queue, N}} -> {name, N}; {messages_ready, R} -> {ready, R}; _ -> I end || I <- Q])
		|| Q <- rabbit_amqqueue:info_all(%s, [name, messages, messages_ready, consumers])]))`, bin(vhost.Name)))
	if err := json.Unmarshal([]byte(v), &qs); err != nil {
		t.Fatalf("rabbittest: %v: %s", err, v)
	}
	return qs
}

// Elect has the quorum queues of a virtual host that have no leader elect one,
// and returns their names. RabbitMQ can leave a queue so for ever when the machine
// is too busy to run it for some seconds while it is declared or its server comes
// back (rabbitmq-server issue 10070); until then nothing answers for it. A queue
// that is about to elect one by itself loses nothing.
func (n *Node) Elect(t testing.TB, vhost VHost) (names []string) {
	t.Helper()
	v := n.Eval(t, fmt.Sprintf(`iolist_to_binary(rabbit_json:encode([begin
			catch ra:trigger_election(P), {resource, _, queue, N} = amqqueue:get_name(Q), N
		end || Q <- rabbit_amqqueue:list(%s), amqqueue:get_type(Q) =:= rabbit_quorum_queue,
			P <- [amqqueue:get_pid(Q)], not lists:keymember(leader, 2, ets:lookup(ra_state, element(1, P)))]))`, bin(vhost.Name)))
	if err := json.Unmarshal([]byte(v), &names); err != nil {
		t.Fatalf("rabbittest: %v: %s", err, v)
	}
	return names
}

// DeleteQueue deletes a queue, whoever uses it.
func (n *Node) DeleteQueue(t testing.TB, vhost VHost, name string) {
	t.Helper()
	n.Eval(t, fmt.Sprintf(`{ok, _} = rabbit_amqqueue:with(rabbit_misc:r(%s, queue, %s),
		fun(Q) -> rabbit_amqqueue:delete(Q, false, false, <<"test">>) end)`, bin(vhost.Name), bin(name)))
}

// Disconnect closes all connections of clients, who are told.
func (n *Node) Disconnect(t testing.TB) {
	t.Helper()
	// One that its client closes meanwhile raises an error.
	n.Eval(t, `[catch rabbit_networking:close_connection(P, "test") || P <- rabbit_networking:connections()]`)
}
