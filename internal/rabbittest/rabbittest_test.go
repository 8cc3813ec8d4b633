package rabbittest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// dieEnv has the test binary start a server, say where its files are, and wait
// to be killed.
const dieEnv = "RABBITTEST_DIE"

func TestMain(m *testing.M) {
	if os.Getenv(dieEnv) != "" {
		n, err := start()
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println(n.dir, n.Addr())
		select {}
	}
	goleak.VerifyTestMain(Main(m))
}

func dial(t *testing.T, url string) *amqp.Channel {
	t.Helper()
	c, err := amqp.Dial(url)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	ch, err := c.Channel()
	require.NoError(t, err)
	return ch
}

func put(t *testing.T, ch *amqp.Channel, queue string) {
	t.Helper()
	_, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	require.NoError(t, err)
	require.NoError(t, ch.Confirm(false))
	ok, err := ch.PublishWithDeferredConfirm("", queue, true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("x")})
	require.NoError(t, err)
	require.True(t, ok.Wait())
}

func TestVHostIsFreshAndDeleted(t *testing.T) {
	n := Private(t)
	var vhosts []VHost
	t.Run("use", func(t *testing.T) {
		for range 2 {
			v := n.New(t)
			vhosts = append(vhosts, v)
			require.Empty(t, n.Queues(t, v))
			put(t, dial(t, v.URL), "q")
			require.Eventually(t, func() bool {
				return fmt.Sprint(n.Queues(t, v)) == "[{q 1 1 0}]"
			}, patience, 10*time.Millisecond)
		}
		require.NotEqual(t, vhosts[0], vhosts[1])
	})
	for _, v := range vhosts {
		require.Eventually(t, func() bool {
			c, err := amqp.Dial(v.URL)
			if err == nil {
				c.Close()
			}
			return err != nil
		}, patience, 10*time.Millisecond)
	}
}

func TestExistingServer(t *testing.T) {
	t.Setenv(envURL, "amqp://me:secret@example.org/place")
	a, b := New(t), New(t)
	require.Equal(t, "place", a.Name)
	require.Equal(t, os.Getenv(envURL), a.URL)
	require.NotEqual(t, a.Prefix, b.Prefix)
}

func TestStopKillStart(t *testing.T) {
	n := Private(t)
	v := n.New(t)
	for i, how := range []struct {
		name string
		halt func(testing.TB)
	}{{"stop", n.Stop}, {"kill", n.Kill}} {
		ch := dial(t, v.URL)
		put(t, ch, "q") // declared before the kill, but not just before
		closed := ch.NotifyClose(make(chan *amqp.Error, 1))
		how.halt(t)
		err := <-closed
		require.Equal(t, how.name == "stop", err.Code == amqp.ConnectionForced, "%s: %v", how.name, err)
		_, dialErr := amqp.Dial(v.URL)
		require.Error(t, dialErr, how.name)
		how.halt(t) // again, which does nothing
		n.Start(t)
		n.Start(t)
		want := fmt.Sprintf("[{q %d %[1]d 0}]", i+1)
		require.Eventually(t, func() bool {
			return fmt.Sprint(n.Queues(t, v)) == want
		}, patience, 10*time.Millisecond, how.name)
	}
	require.Equal(t, n, Private(t), "there is one server")
}

func TestPause(t *testing.T) {
	n := Private(t)
	v := n.New(t)
	n.Pause(t)
	c, err := net.Dial("tcp", n.Addr())
	require.NoError(t, err, "connections are accepted")
	defer c.Close()
	_, err = amqp.DialConfig(v.URL, amqp.Config{Dial: amqp.DefaultDial(200 * time.Millisecond)})
	require.Error(t, err, "nobody answers")
	n.Continue(t)
	dial(t, v.URL)
	n.Pause(t)
	n.Kill(t)
	n.Start(t)
	dial(t, v.URL)
	n.Pause(t)
	n.Stop(t)
	n.Start(t)
	dial(t, v.URL)
}

func TestAlarm(t *testing.T) {
	n := Private(t)
	v := n.New(t)
	c, err := amqp.Dial(v.URL)
	require.NoError(t, err)
	defer c.Close()
	blocked := c.NotifyBlocked(make(chan amqp.Blocking, 2))
	ch, err := c.Channel()
	require.NoError(t, err)
	n.Alarm(t, true)
	defer n.Alarm(t, false)
	require.NoError(t, ch.Publish("", "q", false, false, amqp.Publishing{}))
	require.True(t, (<-blocked).Active)
	n.Alarm(t, false)
	require.False(t, (<-blocked).Active)
}

func TestUserDeleteDisconnect(t *testing.T) {
	n := Private(t)
	v := n.New(t)
	put(t, dial(t, v.URL), `a "name"`)
	limited := dial(t, n.User(t, v, "^$", "^$", ".*"))
	_, err := limited.Consume(`a "name"`, "", false, false, false, false, nil)
	require.NoError(t, err)
	canceled := limited.NotifyCancel(make(chan string, 1))
	n.DeleteQueue(t, v, `a "name"`)
	<-canceled
	require.Empty(t, n.Queues(t, v))
	closed := limited.NotifyClose(make(chan *amqp.Error, 1))
	_, err = limited.QueueDeclare("other", false, false, true, false, nil)
	require.ErrorContains(t, err, "ACCESS_REFUSED")
	<-closed

	closed = dial(t, v.URL).NotifyClose(make(chan *amqp.Error, 1))
	n.Disconnect(t)
	require.Equal(t, amqp.ConnectionForced, (<-closed).Code)
}

func TestElect(t *testing.T) {
	n := Private(t)
	vhost := n.New(t)
	conn, err := amqp.Dial(vhost.URL)
	require.NoError(t, err)
	defer conn.Close()
	ch, err := conn.Channel()
	require.NoError(t, err)
	for _, name := range []string{"led", "lost"} {
		_, err = ch.QueueDeclare(name, true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
		require.NoError(t, err)
	}
	_, err = ch.QueueDeclare("classic", true, false, false, false, nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(n.Elect(t, vhost)) == 0 }, patience, 10*time.Millisecond)
	id := n.Eval(t, `hd([amqqueue:get_pid(Q) || Q <- rabbit_amqqueue:list(`+bin(vhost.Name)+`), {resource, _, _, <<"lost">>} <- [amqqueue:get_name(Q)]])`)
	n.Eval(t, `ets:update_element(ra_state, element(1, `+id+`), {2, follower})`)
	require.Equal(t, []string{"lost"}, n.Elect(t, vhost))
}

func TestEval(t *testing.T) {
	n := Private(t)
	require.Equal(t, "{ok,[1,2]}", n.Eval(t, `{ok, [1, 2]}.`))
	require.Equal(t, "é", n.Eval(t, `<<"é"/utf8>>`))
	_, err := n.eval(`error(oops)`)
	require.ErrorContains(t, err, "oops")
	_, err = n.eval(`1 = 2`)
	require.ErrorContains(t, err, "badmatch")
}

// A test binary that is killed leaves nothing behind, even a frozen server.
func TestKilledBinary(t *testing.T) {
	Private(t) // else there is nothing to test with
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), dieEnv+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	dir, addr, ok := strings.Cut(strings.TrimSpace(line), " ")
	require.True(t, ok, line)
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	c.Close()
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, os.ErrNotExist)
	}, patience, 20*time.Millisecond, "its directory is removed")
	_, err = net.Dial("tcp", addr)
	require.Error(t, err, "its server is gone")
}

func TestPasswordIsInURL(t *testing.T) {
	v := Private(t).New(t)
	u, err := url.Parse(v.URL)
	require.NoError(t, err)
	u.User = url.UserPassword("guest", "guest")
	_, err = amqp.Dial(u.String())
	require.Error(t, err, "not everybody on the machine can connect")
}
