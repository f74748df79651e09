#!/bin/bash
# Health check without a client in the image: does http://127.0.0.1:PORT PATH answer 200? Asks until it does, for some four seconds (one that
# accepts and says nothing: until the engine ends it): who becomes ready meanwhile need not wait for the next check.
port=$1 path=$2
ask() { printf 'GET %s HTTP/1.0\r\n\r\n' "$path" >&3 && read -rt 4 _ status _ <&3 && [ "$status" = 200 ]; }
for _ in {1..16}; do
  ask 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$port" && exit
  sleep 0.25
done
exit 1
