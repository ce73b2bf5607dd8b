module probe.test/go

go 1.24.0
