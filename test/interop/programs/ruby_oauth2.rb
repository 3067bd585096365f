# ruby-oauth2 with its defaults. steps.mjs says what each program does.

require 'json'
require 'oauth2'
require 'uri'

def say(word, value)
  puts "#{word} #{JSON.generate(value)}"
  $stdout.flush
end

def told(token)
  { access_token: token.token, refresh_token: token.refresh_token, scope: token.params['scope'] }
end

client = OAuth2::Client.new(
  ENV.fetch('CLIENT_ID'), ENV.fetch('CLIENT_SECRET'),
  site: ENV.fetch('REGISTRY'), authorize_url: '/authorize', token_url: '/token'
)
begin
  redirect_uri = ENV.fetch('REDIRECT_URI')
  say('AUTHORIZE', client.auth_code.authorize_url(
    redirect_uri: redirect_uri, scope: ENV.fetch('SCOPE'), state: 'a-state'
  ))
  parameters = URI.decode_www_form(URI($stdin.gets.strip).query).to_h
  if parameters['error']
    say('ERROR', parameters['error'])
    exit 1
  end
  token = client.auth_code.get_token(parameters['code'], redirect_uri: redirect_uri)
  say('TOKEN', told(token))
  say('REFRESHED', told(token.refresh!))
rescue OAuth2::Error => error
  say('ERROR', error.code)
  exit 1
end
