export const GENESIS_HELP = `internode genesis: the ceremony in which operators who do not trust each other found a subnet

Nobody ever knows another's secrets or the subnet's. Every command checks all that it reads; files travel by any means.

Steps
  node --address HOST:PORT [--out node.json]        make your node's keys in --data-dir, and a description of it for the others
  record NODE… [--out record.json]                  one of you: put all descriptions together, sign them with the ceremony key
  deal --record FILE [--out dealings.json]          deal a share of the subnet's keys to every node
  complain --record FILE DEALINGS… [--out …]        open your shares; accuse who cheated; say which dealings you have seen
  finish --record FILE DEALINGS… COMPLAINTS…        make the keys, once all have seen the same; then \`internode start\`

Flags
  --data-dir DIR         of your node                                                   (.internode)
  --address HOST:PORT    where other nodes reach yours
  --listen HOST:PORT     where your node listens for them, when that differs (0.0.0.0:4100)
  --ceremony-key FILE    whoever holds it may change the members later; made by the first \`record\`   (ceremony-key.json)
  --epoch-length N       heights from one change of keys to the next                    (500)
  --out FILE

Example: four operators; files go to all of them between the steps
  internode genesis node --data-dir n1 --address 10.0.0.1:4100 --out n1.json        # each of them
  internode genesis record n1.json n2.json n3.json n4.json --out record.json        # one of them; all compare the fingerprint
  internode genesis deal --data-dir n1 --record record.json --out d1.json           # each
  internode genesis complain --data-dir n1 --record record.json d?.json --out c1.json
  internode genesis finish --data-dir n1 --record record.json d?.json c?.json       # all compare the fingerprint
  internode start --data-dir n1
`;
