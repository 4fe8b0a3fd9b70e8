async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()  # websocket.connect
    if scope["path"] == "/private":
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        return await send({"type": "websocket.http.response.body", "body": b"members only"})
    await send({"type": "websocket.accept"})
    if scope["path"] == "/close":
        return await send({"type": "websocket.close", "code": 4001, "reason": "bye"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})
