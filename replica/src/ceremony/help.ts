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

export const NODE_HELP = `internode node: a machine that joins a subnet which runs already

Steps
  node create --address HOST:PORT [--out node.json]   make the node's keys in --data-dir, and a description of it for the controller
  node join INVITATION                                 take the controller's invitation (\`internode subnet invite\`)

Then \`internode start\`: the node waits until it is added, fetches the chain, and is a member from the third epoch on.

Flags
  --data-dir DIR         of the node                                           (.internode)
  --address HOST:PORT    where other nodes reach it
  --listen HOST:PORT     where it listens for them, when that differs
  --out FILE             the description                                       (node.json)
  --json                 one JSON object instead of text

Example
  internode node create --data-dir n5 --address 10.0.0.5:4100 --out n5.json    # send n5.json to the controller
  internode subnet invite n5.json --out invitation.json                        # the controller; sends the invitation back
  internode node join invitation.json --data-dir n5                            # compare the fingerprint
  internode start --data-dir n5
  internode subnet add n5.json                                                 # the controller, when the node runs
`;

export const SUBNET_HELP = `internode subnet: who the members are, and changing it

  subnet show                    members in force, as the subnet certifies them; with the ceremony key also what comes
  subnet invite NODE.json…       an invitation for new nodes (\`internode node create\` describes them); changes nothing
  subnet add NODE.json…          add them, when they run
  subnet remove NODE-ID…         remove nodes, by id or its beginning
  subnet set                     --replica-version V, --halted true|false, --epoch-length N

A change is in force from the third epoch after it on: the members deal keys to those who come in the first. The root key stays. At most four
join and a third leaves at a time. Who was removed is told so in its log, and nobody speaks to it any more.

Flags
  --ceremony-key FILE    of the subnet's controller                (ceremony-key.json in --data-dir, else here)
  --data-dir DIR, --url URL   a member                             (.internode)
  --genesis FILE         genesis.json of any member                (found in --data-dir)
  --out FILE             the invitation                            (invitation.json)
  --unchecked            add without looking whether the nodes answer
  --wait                 until the change is in force (add, remove)
  --json                 one JSON object instead of text

Examples
  internode subnet show --url http://10.0.0.1:8000
  internode subnet invite n5.json n6.json n7.json --data-dir .internode-network --out invitation.json
  internode subnet add n5.json n6.json n7.json --data-dir .internode-network --wait
  internode subnet remove rbx7k-6qtql --wait
  internode subnet set --halted true
`;
