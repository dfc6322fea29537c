package sandbox

// WithoutGroups makes boxes do without cgroups.
func WithoutGroups(c Config) Config {
	c.noGroups = true
	return c
}

// WithBroken makes layers fail with the errno given.
func WithBroken(c Config, layers map[string]int) Config {
	c.broken = layers
	return c
}
