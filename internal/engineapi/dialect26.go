package engineapi

// words26 is 26.1's dialect where it differs from 28's.
var words26 = []rewording{
	say("", `invalid reference format: repository name \(library/([^)]*)\) must be lowercase`, "invalid reference format: repository name ($1) must be lowercase", 0),
}

// fronts26 are 26.1's own handlers.
var fronts26 = map[string]front{}
