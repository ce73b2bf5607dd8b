#!/usr/bin/env escript
%% -*- erlang -*-
%% An HTTPS server on the ssl application of Erlang/OTP, one process for each connection.
%%
%% escript erlang.escript VERSION(1.2|1.3) CHAIN KEY ROOTS [optional] [crl=FILE] [alpn=NAME] [cipher=NAME]
%%
%% It prints `LISTENING 127.0.0.1:PORT`, and ends when its standard input does.
-mode(compile).

main([Version, Chain, Key, Roots | Options]) ->
    {ok, _} = application:ensure_all_started(ssl),
    Settings = [
        binary, {active, false}, {ip, {127, 0, 0, 1}}, {backlog, 512}, {log_level, none},
        {versions, [version(Version)]}, {certfile, Chain}, {keyfile, Key}, {cacertfile, Roots},
        {verify, verify_peer}, {fail_if_no_peer_cert, not lists:member("optional", Options)}, {depth, 5}
    ],
    {ok, Listener} = ssl:listen(0, Settings ++ lists:flatmap(fun setting/1, Options)),
    {ok, {_, Port}} = ssl:sockname(Listener),
    io:format("LISTENING 127.0.0.1:~b~n", [Port]),
    spawn(fun until_input_ends/0),
    accept(Listener).

version("1.2") -> 'tlsv1.2';
version("1.3") -> 'tlsv1.3'.

setting("optional") ->
    [];
setting("crl=" ++ File) ->
    ok = ssl_crl_cache:insert({file, File}),
    [{crl_check, true}, {crl_cache, {ssl_crl_cache, {internal, []}}}];
setting("alpn=" ++ Name) ->
    [{alpn_preferred_protocols, [list_to_binary(Name)]}];
setting("cipher=" ++ Name) ->
    [{ciphers, [Name]}].

accept(Listener) ->
    case ssl:transport_accept(Listener) of
        {ok, Socket} ->
            Pid = spawn(fun() -> receive yours -> serve(Socket) end end),
            ssl:controlling_process(Socket, Pid),
            Pid ! yours;
        {error, _} ->
            gone
    end,
    accept(Listener).

serve(Accepted) ->
    case ssl:handshake(Accepted) of
        {ok, Socket} ->
            case ssl:recv(Socket, 0) of
                {ok, _} ->
                    ssl:send(Socket, <<"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n">>);
                {error, _} ->
                    gone
            end,
            ssl:close(Socket);
        {error, _} ->
            refused
    end.

until_input_ends() ->
    case io:get_line("") of
        eof -> halt(0);
        {error, _} -> halt(0);
        _ -> until_input_ends()
    end.
