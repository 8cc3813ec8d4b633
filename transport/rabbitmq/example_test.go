package rabbitmq_test

import (
	"context"
	"fmt"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/transport/rabbitmq"
)

// A bot in a process of its own. As many as you like share its commands.
func Example() {
	run := func(ctx context.Context, bot *command.Bot) error {
		broker, err := rabbitmq.Open("amqp://user:password@host:5672/vhost", nil)
		if err != nil {
			return err
		}
		defer broker.Close()
		return bot.Run(ctx, broker)
	}
	_ = run // it needs a server
}

// Open does not wait for the server, and goes on trying. Bad settings it refuses
// at once.
func ExampleOpen() {
	broker, err := rabbitmq.Open("amqp://127.0.0.1:1", nil) // nobody listens there
	if err != nil {
		fmt.Println(err)
		return
	}
	defer broker.Close()
	fmt.Println(broker.Status().State)

	_, err = rabbitmq.Open("http://127.0.0.1:1", nil)
	fmt.Println(err != nil)
	// Output:
	// down
	// true
}
