"""``hub bench``: every figure of the speed bars beside a yardstick measured in the same run."""
