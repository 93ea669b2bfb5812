package main

import (
	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/demo"
)

func noticesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "notices",
		Short: "Where the sample data of 'serve --demo' is from",
		Long:  "The sample that 'oxbow serve --demo' loads is not ours. Its notice:\n\n" + demo.Notice(),
	}
}
