// golang.org/x/oauth2 with its defaults: it tries HTTP Basic first, then the body. steps.mjs says what each program does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

func say(word string, value any) {
	text, _ := json.Marshal(value)
	fmt.Printf("%s %s\n", word, text)
}

func fail(code string) {
	say("ERROR", code)
	os.Exit(1)
}

func told(token *oauth2.Token) map[string]any {
	return map[string]any{
		"access_token":  token.AccessToken,
		"refresh_token": token.RefreshToken,
		"scope":         token.Extra("scope"),
	}
}

func check(err error) {
	if err == nil {
		return
	}
	if refused, ok := err.(*oauth2.RetrieveError); ok {
		var body struct {
			Error string `json:"error"`
		}
		json.Unmarshal(refused.Body, &body)
		fail(body.Error)
	}
	fail(err.Error())
}

func main() {
	registry := os.Getenv("REGISTRY")
	config := &oauth2.Config{
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		RedirectURL:  os.Getenv("REDIRECT_URI"),
		Scopes:       strings.Fields(os.Getenv("SCOPE")),
		Endpoint:     oauth2.Endpoint{AuthURL: registry + "/authorize", TokenURL: registry + "/token"},
	}
	say("AUTHORIZE", config.AuthCodeURL("a-state"))
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	check(err)
	callback, err := url.Parse(strings.TrimSpace(line))
	check(err)
	if code := callback.Query().Get("error"); code != "" {
		fail(code)
	}
	token, err := config.Exchange(context.Background(), callback.Query().Get("code"))
	check(err)
	say("TOKEN", told(token))
	expired := *token
	expired.Expiry = time.Now().Add(-time.Hour)
	refreshed, err := config.TokenSource(context.Background(), &expired).Token()
	check(err)
	say("REFRESHED", told(refreshed))
}
