package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/carlware/gochat/command"
	"github.com/carlware/gochat/command/webhook"
)

// A command whose bot is a program elsewhere, in whatever language.
func ExampleNew() {
	const secret = "a long random text"
	deploy, err := webhook.New("https://ci.example/gochat", secret, nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	var router command.Router
	router.Handle(command.Spec{Bot: "ci", Name: "deploy", Usage: "/deploy <version>"}, deploy)
	fmt.Println(router.Specs()[0].Usage)
	// Output: /deploy <version>
}

// A bot in a program of its own, and the chat that asks it.
func Example() {
	const secret = "a long random text" // both have it, from a file or the environment

	bot := command.NewBot("ci", nil)
	command.Handle(bot, "deploy", "Deploys a version", func(_ context.Context, c *command.Call, a struct {
		Version string `cmd:"version,required"`
	}) error {
		return c.Sayf("%s deploys %s.", c.User.Name, a.Version)
	})
	http.Handle("/gochat", webhook.NewHandler(bot, secret, nil))
	there := httptest.NewServer(http.DefaultServeMux) // there: http.ListenAndServe
	defer there.Close()

	deploy, err := webhook.New(there.URL+"/gochat", secret, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var router command.Router // for chat.Options.Commands
	router.Handle(command.Spec{Bot: "ci", Name: "deploy", Summary: "Deploys a version", Usage: "/deploy <version>"}, deploy)

	call := command.Call{
		ID: "call-1", Name: "deploy", Args: "1.4", Line: "/deploy 1.4",
		Room: command.Room{ID: "r1", Kind: "public"}, User: command.User{ID: "u1", Name: "Ana"},
	}
	reply := command.Execute(context.Background(), &router, call, nil)
	fmt.Println(reply.Parts[0].Text)
	// Output: Ana deploys 1.4.
}
