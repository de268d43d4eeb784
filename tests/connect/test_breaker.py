from hub.connect.breaker import CircuitBreaker, Pace, State


def test_opens_after_so_many_failures_in_a_row():
    breaker = CircuitBreaker(failures=3, pause=30)
    for moment in (0, 1):
        breaker.failed(moment)
    assert breaker.wait(2) == 0
    breaker.failed(2)
    assert breaker.state is State.OPEN
    assert breaker.wait(12) == 20


def test_a_success_between_starts_the_count_anew():
    breaker = CircuitBreaker(failures=2)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(1)
    assert breaker.state is State.CLOSED


def test_lets_one_probe_through_after_the_pause():
    breaker = CircuitBreaker(failures=1, pause=30)
    breaker.failed(0)
    assert breaker.wait(30) == 0
    assert breaker.state is State.HALF_OPEN
    assert breaker.wait(31) > 0


def test_a_probe_that_succeeds_closes_and_one_that_fails_opens_again():
    breaker = CircuitBreaker(failures=1, pause=30)
    breaker.failed(0)
    breaker.wait(30)
    breaker.failed(31)
    assert breaker.wait(32) == 29
    breaker.wait(61)
    breaker.succeeded()
    assert (breaker.state, breaker.wait(62)) == (State.CLOSED, 0)


def test_a_probe_that_never_reports_is_given_up():
    breaker = CircuitBreaker(failures=1, pause=30)
    breaker.failed(0)
    breaker.wait(30)
    assert breaker.wait(60) == 0


def test_the_pace_lets_a_burst_through_and_then_the_average():
    pace = Pace(per_second=2, burst=3)
    assert [pace.wait(0) for _ in range(3)] == [0, 0, 0]
    assert pace.wait(0) == 0.5
    assert pace.wait(0.5) == 0


def test_those_who_are_turned_away_come_back_one_after_the_other():
    pace = Pace(per_second=1, burst=1)
    pace.wait(0)
    assert [pace.wait(0) for _ in range(3)] == [1, 2, 3]
    assert [pace.wait(moment) for moment in (1, 2, 3)] == [0, 0, 0]
