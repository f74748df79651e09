#!/bin/bash
# Health check without a client in the image: does http://127.0.0.1:PORT PATH answer 200?
exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&3 && read -rt 4 _ status _ <&3 && [ "$status" = 200 ]
