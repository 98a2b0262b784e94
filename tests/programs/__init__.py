"""The real programs that tests run against, each started and ended by the test that needs it."""
