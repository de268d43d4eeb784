"""The pages: for admins behind a log-in, for people who answer by a signed link without one."""
