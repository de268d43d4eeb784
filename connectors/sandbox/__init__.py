"""The sandbox gateway: a payment company in a box, for first steps, recipes' trials and the stories' tests."""
