package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
)

const completionTime = 2 * time.Second // a shell waits for it

const completionNames = 100 // more are no help

// names returns the names that a half-typed word may become.
type names func(ctx context.Context, b backend.Backend, typed string) ([]string, error)

// completeNames completes the values of these flags, "stream" or "type", with names from the store.
func (c *cli) completeNames(command *cobra.Command, flags ...string) {
	sources := map[string]names{"stream": streamNames, "type": typeNames}
	for _, flag := range flags {
		_ = command.RegisterFlagCompletionFunc(flag, c.completion(sources[flag]))
	}
}

// completion asks the store for names. A store that is not there, in use or slow completes nothing, silently.
func (c *cli) completion(find names) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.Background(), completionTime)
		defer cancel()
		b, err := c.open(ctx, toRead)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer b.Close()
		found, _ := find(ctx, b, typed)
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

func streamNames(ctx context.Context, b backend.Backend, typed string) (found []string, err error) {
	for info, err := range b.Streams(ctx, typed) {
		if err != nil {
			return found, err
		}
		if found = append(found, info.Name); len(found) == completionNames {
			break
		}
	}
	return found, nil
}

// completeConsumer completes the first argument with the names of consumers that have dead letters.
func (c *cli) completeConsumer(command *cobra.Command) {
	complete := c.completion(consumerNames)
	command.ValidArgsFunction = func(command *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(command, args, typed)
	}
}

func consumerNames(ctx context.Context, b backend.Backend, typed string) (found []string, err error) {
	for consumer, err := range b.Consumers(ctx) {
		if err != nil && consumer.Name == "" {
			return found, err
		}
		if !strings.HasPrefix(consumer.Name, typed) {
			continue
		}
		if found = append(found, consumer.Name); len(found) == completionNames {
			break
		}
	}
	return found, nil
}

func typeNames(ctx context.Context, b backend.Backend, typed string) ([]string, error) {
	stats, err := b.Stats(ctx)
	known := slices.Sorted(maps.Keys(stats.Types))
	return slices.DeleteFunc(known, func(name string) bool { return !strings.HasPrefix(name, typed) }), err
}
