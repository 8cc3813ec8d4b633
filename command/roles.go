package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Roles is middleware that lets callers with one of roles in, "owner", "admin"
// or "member" of the room, and answers forbidden to others. It is for all
// commands of a bot, or of a [Handler] that has no specs. /help and completion
// don't know of it: the roles of a single command belong in its [Spec], which
// they go by. No role, or another one, panics.
func Roles(roles ...string) func(Handler) Handler {
	roles = slices.Clone(roles)
	if len(roles) == 0 {
		panic("command: " + caller(1) + ": Roles needs a role")
	}
	if err := checkRoles(roles); err != nil {
		panic("command: " + caller(1) + ": " + err.Error())
	}
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, c *Call) error {
			if !slices.Contains(roles, c.User.Role) {
				return forbidden(c.Name, roles)
			}
			return next.HandleCommand(ctx, c)
		})
	}
}

func checkRoles(roles []string) error {
	for _, r := range roles {
		if !slices.Contains([]string{"owner", "admin", "member"}, r) {
			return fmt.Errorf("role %q is not owner, admin or member", r)
		}
	}
	return nil
}

func forbidden(name string, roles []string) *Error {
	return &Error{CodeForbidden, fmt.Sprintf("/%s is for: %s.", name, strings.Join(roles, ", "))}
}
