//go:build linux

package ws

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
)

// Two roles, so that the processor time of the test process is that of the
// server alone: clients holds the other ends of very many connections, and
// floor writes to sockets what nothing can write cheaper.

func init() {
	roles["clients"] = func() { obey(&clients{}) }
	roles["floor"] = func() { obey(&floor{}) }
}

// commander does what a line asks for and returns what to answer.
type commander interface {
	do(args []string) (string, error)
}

func obey(c commander) {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		answer, err := c.do(strings.Fields(line))
		if err != nil {
			answer = "error: " + err.Error()
		}
		fmt.Println(answer)
	}
}

// helper is a process in a role.
type helper struct {
	t   testing.TB
	in  io.WriteCloser
	out *bufio.Reader
}

func startHelper(t testing.TB, role string) *helper {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &helper{t, in, bufio.NewReaderSize(out, 1<<20)}
}

// ask sends a command and returns the answer.
func (h *helper) ask(format string, args ...any) string {
	h.t.Helper()
	h.tell(format, args...)
	return h.answer()
}

func (h *helper) tell(format string, args ...any) {
	h.t.Helper()
	if _, err := fmt.Fprintf(h.in, format+"\n", args...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *helper) answer() string {
	h.t.Helper()
	line, err := h.out.ReadString('\n')
	if err != nil || strings.HasPrefix(line, "error") {
		h.t.Fatalf("helper: %s %v", line, err)
	}
	return strings.TrimSpace(line)
}

// cpu returns the processor time of this process, user and system.
func cpu() (user, system time.Duration) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
}

// floor writes the same bytes to many sockets: one goroutine, write(2).
type floor struct {
	ln    *net.TCPListener
	conns []*net.TCPConn
	fds   []int
}

func (f *floor) do(args []string) (string, error) {
	switch args[0] {
	case "listen":
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		f.ln = ln.(*net.TCPListener)
		return ln.Addr().String(), nil
	case "accept":
		n, _ := strconv.Atoi(args[1])
		for len(f.conns) < n {
			c, err := f.ln.AcceptTCP()
			if err != nil {
				return "", err
			}
			c.SetWriteBuffer(sendBuffer)
			br := bufio.NewReader(c)
			if _, err := http.ReadRequest(br); err != nil {
				return "", err
			}
			if err := welcomes(c, br); err != nil {
				return "", err
			}
			f.conns = append(f.conns, c)
			rc, err := c.SyscallConn()
			if err != nil {
				return "", err
			}
			rc.Control(func(fd uintptr) { f.fds = append(f.fds, int(fd)) })
		}
		return "ok", nil
	case "cast": // a frame, so many in each write
		n, _ := strconv.Atoi(args[2])
		b := bytes.Repeat(textFrame(strings.Repeat("x", len(args[1]))), n)
		u, s := cpu()
		for _, fd := range f.fds {
			if m, err := syscall.Write(fd, b); m != len(b) {
				return "", fmt.Errorf("wrote %d: %w", m, err)
			}
		}
		u2, s2 := cpu()
		return strconv.Itoa(int(u2 - u + s2 - s)), nil
	}
	return "", fmt.Errorf("what is %q?", args)
}

// welcomes is as much of a handshake and a hello as a client needs after its
// request, so that the kernel treats these sockets as it does those of a server:
// it matters much what was said before.
func welcomes(c net.Conn, br *bufio.Reader) error {
	const accepted = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-Websocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\nSec-Websocket-Protocol: gochat.v1\r\n\r\n"
	if _, err := io.WriteString(c, accepted); err != nil {
		return err
	}
	hello := make([]byte, len(text(`{"type":"hello","id":"h1"}`)))
	if _, err := io.ReadFull(br, hello); err != nil {
		return err
	}
	_, err := c.Write(textFrame(`{"type":"welcome"` + strings.Repeat(" ", 800) + "}"))
	return err
}

func textFrame(s string) []byte {
	return addHeader(append(make([]byte, maxHeader), s...))
}

// clients are the peers.
type clients struct {
	ep     int
	conns  []*clientConn
	byFD   map[int32]*clientConn
	frames int             // of all
	events int             // of all
	faults int             // events out of order
	times  []time.Duration // has space from the start: a copy while events come would make them late
	buf    []byte
	evs    []syscall.EpollEvent
	muted  int
}

type clientConn struct {
	fd     int
	need   int // bytes of the payload that are to come
	head   []byte
	begin  []byte // of the payload, up to 64 bytes
	frames int
	seq    int
	closed bool
	code   int
}

func (c *clients) do(args []string) (string, error) {
	num := func(i int) int { n, _ := strconv.Atoi(args[i]); return n }
	switch args[0] {
	case "dial": // addr, n, number of the first user
		return c.dial(args[1], num(2), num(3), `{"type":"hello","id":"h1"}`)
	case "resume": // addr, n, number of the first user, epoch, room, seq
		return c.dial(args[1], num(2), num(3), fmt.Sprintf(`{"type":"hello","id":"h1","epoch":"%s","rooms":{"%s":%s}}`, args[4], args[5], args[6]))
	case "wait": // for so many frames in all since the last wait
		return c.wait(num(1), 0)
	case "zero":
		c.frames, c.events = 0, 0
		return "ok", nil
	case "events":
		return c.wait(0, num(1))
	case "mute": // the first k are not read any more
		for _, k := range c.conns[:num(1)] {
			syscall.EpollCtl(c.ep, syscall.EPOLL_CTL_DEL, k.fd, nil)
			// The kernel must not take for them all that there is.
			syscall.SetsockoptInt(k.fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 64<<10)
		}
		c.muted = num(1)
		return "ok", nil
	case "post": // room, rounds, window: the last connection posts, all wait
		return c.post(args[1], num(2), num(3))
	case "flood": // frame, n, replies: so many of it from the last connection, pipelined, and so many replies to each
		return c.flood(args[1], num(2), num(3))
	case "times":
		slices.Sort(c.times)
		n := len(c.times)
		if n == 0 {
			return "0 0 0 0", nil
		}
		s := fmt.Sprint(n, c.times[n/2].Nanoseconds(), c.times[n*99/100].Nanoseconds(), c.times[n-1].Nanoseconds())
		c.times = c.times[:0]
		return s, nil
	case "faults":
		return strconv.Itoa(c.faults), nil
	case "ends": // waits until all are closed; how many with a close frame of code
		return c.ends(num(1), time.Duration(num(2))*time.Millisecond)
	case "close":
		for _, k := range c.conns {
			syscall.Close(k.fd)
		}
		syscall.Close(c.ep)
		*c = clients{}
		return "ok", nil
	}
	return "", fmt.Errorf("what is %q?", args)
}

func (c *clients) dial(addr string, n, first int, hello string) (string, error) {
	if c.byFD == nil {
		ep, err := syscall.EpollCreate1(0)
		if err != nil {
			return "", err
		}
		c.ep, c.byFD = ep, map[int32]*clientConn{}
		c.buf, c.evs = make([]byte, 256<<10), make([]syscall.EpollEvent, 1024)
		c.times = make([]time.Duration, 0, 2<<20)
	}
	host, port, _ := net.SplitHostPort(addr)
	sa := &syscall.SockaddrInet4{}
	copy(sa.Addr[:], net.ParseIP(host).To4())
	sa.Port, _ = strconv.Atoi(port)
	// Some at a time, as they come when there are many, and not each of them to
	// a server that has gone to sleep.
	for together := range slices.Chunk(make([]*clientConn, n), 64) {
		for i := range together {
			fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
			if err != nil {
				return "", err
			}
			for {
				if err = syscall.Connect(fd, sa); err != syscall.EINTR {
					break
				}
			}
			if err != nil {
				return "", fmt.Errorf("connect: %w", err)
			}
			together[i] = &clientConn{fd: fd}
			together[i].request(addr, fmt.Sprintf("u%d", first))
			first++
		}
		for _, k := range together {
			if err := k.greet(hello); err != nil {
				return "", fmt.Errorf("greet: %w", err)
			}
		}
		for _, k := range together {
			if err := k.welcomed(); err != nil {
				return "", fmt.Errorf("greet: %w", err)
			}
			syscall.SetNonblock(k.fd, true)
			c.conns = append(c.conns, k)
			c.byFD[int32(k.fd)] = k
			ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(k.fd)}
			if err := syscall.EpollCtl(c.ep, syscall.EPOLL_CTL_ADD, k.fd, &ev); err != nil {
				return "", err
			}
		}
	}
	return "ok", nil
}

type fdReader int

func (r fdReader) Read(b []byte) (int, error) {
	for {
		n, err := syscall.Read(int(r), b)
		if err == syscall.EINTR {
			continue
		}
		if n == 0 && err == nil {
			return 0, io.EOF
		}
		return max(n, 0), err
	}
}

func (k *clientConn) request(addr, token string) {
	fmt.Fprintf(fdWriter(k.fd), "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: gochat.v1\r\nAuthorization: Bearer %s\r\n\r\n", addr, token)
}

// greet reads the end of the handshake and sends the hello.
func (k *clientConn) greet(hello string) error {
	var head []byte
	var one [1]byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if _, err := io.ReadFull(fdReader(k.fd), one[:]); err != nil {
			return err
		}
		head = append(head, one[0])
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101")) {
		return fmt.Errorf("%s", head)
	}
	_, err := fdWriter(k.fd).Write(text(hello))
	return err
}

func (k *clientConn) welcomed() error {
	br := bufio.NewReaderSize(fdReader(k.fd), 16) // reads no further than a frame
	for {
		_, b, err := readFrame(br)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(b, []byte(`{"type":"welcome"`)) {
			if n := br.Buffered(); n > 0 {
				rest, _ := br.Peek(n)
				k.head = slices.Clone(rest)
			}
			return nil
		}
	}
}

type fdWriter int

func (w fdWriter) Write(b []byte) (int, error) {
	for done := 0; done < len(b); {
		n, err := syscall.Write(int(w), b[done:])
		switch err {
		case nil:
			done += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			time.Sleep(100 * time.Microsecond)
		default:
			return done, err
		}
	}
	return len(b), nil
}

// poll reads what has come, waiting for the first of it.
func (c *clients) poll(ms int) error {
	n, err := syscall.EpollWait(c.ep, c.evs, ms)
	if err != nil && err != syscall.EINTR {
		return err
	}
	for i := range max(n, 0) {
		k := c.byFD[c.evs[i].Fd]
		m, err := syscall.Read(k.fd, c.buf)
		switch {
		case m > 0:
			c.take(k, c.buf[:m])
		case err == syscall.EAGAIN || err == syscall.EINTR:
		default:
			k.closed = true
			syscall.EpollCtl(c.ep, syscall.EPOLL_CTL_DEL, k.fd, nil)
		}
	}
	return nil
}

// take parses frames.
func (c *clients) take(k *clientConn, b []byte) {
	if len(k.head) > 0 {
		b = append(k.head, b...)
		k.head = nil
	}
	for len(b) > 0 {
		if k.need == 0 {
			n, size := headerOf(b)
			if n == 0 {
				k.head = slices.Clone(b)
				return
			}
			if b[0] == 0x88 && len(b) >= 4 {
				k.code = int(b[2])<<8 | int(b[3])
			}
			b = b[n:]
			k.need, k.begin = size, k.begin[:0]
			if size == 0 {
				continue
			}
		}
		n := min(k.need, len(b))
		whole := len(k.begin) == 0 && n == k.need
		if !whole && len(k.begin) < 256 {
			k.begin = append(k.begin, b[:min(n, 256)]...)
		}
		k.need -= n
		if k.need == 0 {
			p := k.begin
			if whole {
				p = b[:n]
			}
			c.frame(k, p)
		}
		b = b[n:]
	}
}

// headerOf returns the length of a header and of its payload; 0 when it is not
// there yet.
func headerOf(b []byte) (header, payload int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch n := int(b[1] & 0x7f); {
	case n < 126:
		return 2, n
	case n == 126 && len(b) >= 4:
		return 4, int(b[2])<<8 | int(b[3])
	case n == 127 && len(b) >= 10:
		return 10, int(b[6])<<24 | int(b[7])<<16 | int(b[8])<<8 | int(b[9])
	}
	return 0, 0
}

func (c *clients) frame(k *clientConn, p []byte) {
	c.frames++
	k.frames++
	if !bytes.HasPrefix(p, []byte(`{"type":"event"`)) {
		return
	}
	c.events++
	if seq := numberAfter(p, `"seq":`); seq > 0 {
		if k.seq > 0 && seq != k.seq+1 {
			c.faults++
		}
		k.seq = seq
	}
	if sent := numberAfter(p, `"text":"@`); sent > 0 {
		c.times = append(c.times, time.Duration(time.Now().UnixNano()-int64(sent)))
	}
}

func numberAfter(p []byte, key string) int {
	i := bytes.Index(p, []byte(key))
	if i < 0 {
		return 0
	}
	n := 0
	for _, d := range p[i+len(key):] {
		if d < '0' || d > '9' {
			break
		}
		n = n*10 + int(d-'0')
	}
	return n
}

func (c *clients) wait(frames, events int) (string, error) {
	late := time.Now().Add(60 * time.Second)
	for c.frames < frames || c.events < events {
		if time.Now().After(late) {
			return "", fmt.Errorf("waited for %d/%d, have %d/%d", frames, events, c.frames, c.events)
		}
		if err := c.poll(1000); err != nil {
			return "", err
		}
	}
	if frames > 0 {
		c.frames -= frames
	}
	if events > 0 {
		c.events -= events
	}
	return "ok", nil
}

func (c *clients) post(room string, rounds, window int) (string, error) {
	last := c.conns[len(c.conns)-1]
	c.events = 0
	for range rounds {
		var b []byte
		for range window {
			b = append(b, text(fmt.Sprintf(`{"type":"message","id":"%s","room":"%s","text":"@%d %s"}`, chat.NewID(), room, time.Now().UnixNano(), benchText))...)
		}
		if _, err := fdWriter(last.fd).Write(b); err != nil {
			return "", err
		}
		if _, err := c.wait(0, window*(len(c.conns)-c.muted)); err != nil {
			return "", err
		}
	}
	return "ok", nil
}

// flood sends n frames and waits for as many replies to each.
func (c *clients) flood(frame string, n, replies int) (string, error) {
	last := c.conns[len(c.conns)-1]
	c.frames = 0
	const chunk = 256
	b := bytes.Repeat(text(strings.ReplaceAll(frame, "~", " ")), chunk)
	for range n / chunk {
		if _, err := fdWriter(last.fd).Write(b); err != nil {
			return "", err
		}
		if replies > 0 {
			if _, err := c.wait(chunk*replies, 0); err != nil {
				return "", err
			}
		}
	}
	return "ok", nil
}

func (c *clients) ends(code int, limit time.Duration) (string, error) {
	late := time.Now().Add(limit)
	for {
		open, said := 0, 0
		for _, k := range c.conns {
			if !k.closed {
				open++
			}
			if k.code == code {
				said++
			}
		}
		if open == 0 || time.Now().After(late) {
			return fmt.Sprint(open, " ", said), nil
		}
		if err := c.poll(100); err != nil {
			return "", err
		}
	}
}

// benchText makes an event of about 200 bytes.
const benchText = "how is it going?"
