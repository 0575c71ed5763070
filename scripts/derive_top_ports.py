#!/usr/bin/env python3
"""Derives core/top_ports.cc, Postern's own order of TCP ports. docs/top-ports.md explains the rule.

The order has three parts, each port keeping the first place it is given:
  1. RANKED below: well-known services, in tiers by exposure risk and prevalence.
  2. The tcp entries of /etc/services: system ports (1-1023) first, then the others, ascending.
  3. PATTERNS below: ranges where services without a port of their own are put by habit.

usage: scripts/derive_top_ports.py [--services FILE] [--check]
"""

import argparse
import pathlib
import sys

TARGET = pathlib.Path(__file__).resolve().parent.parent / "core" / "top_ports.cc"

# PORT NAME CATEGORY, most worth probing first. The categories are those of docs/top-ports.md.
RANKED = """
# Tier 1: found everywhere, or handing over a machine or its data when found where it should not be.
443 https web
22 ssh admin
80 http web
3389 rdp admin
445 smb file
8080 http-alternative web
23 telnet admin
21 ftp file
3306 mysql database
8443 https-alternative web
5432 postgresql database
6379 redis database
5900 vnc admin
27017 mongodb database
25 smtp mail
1433 mssql database
9200 elasticsearch database
2375 docker orchestration
6443 kubernetes-api orchestration
10250 kubelet orchestration
2379 etcd orchestration
53 dns network
139 netbios-ssn file
135 msrpc rpc
111 rpcbind rpc
2049 nfs file
389 ldap directory
1521 oracle-tns database
11211 memcached database
5985 winrm admin
5986 winrm-tls admin
8000 http-alternative web
8888 jupyter development
3000 grafana monitoring
9090 prometheus monitoring
5601 kibana monitoring
5000 container-registry orchestration
9000 minio file
10000 webmin admin
873 rsync file
2376 docker-tls orchestration
143 imap mail
110 pop3 mail
993 imaps mail
995 pop3s mail
587 submission mail
465 submissions mail
8081 http-alternative web
8008 http-alternative web
8088 http-alternative web
2222 ssh-alternative admin
636 ldaps directory
88 kerberos directory
1723 pptp vpn
1194 openvpn vpn
5672 amqp queue
15672 rabbitmq-management queue
9092 kafka queue
2181 zookeeper orchestration
1883 mqtt queue
8500 consul orchestration
8200 vault orchestration
4646 nomad orchestration
9042 cassandra database
8086 influxdb database
5984 couchdb database
7474 neo4j database
8123 clickhouse database
9300 elasticsearch-transport database
50000 db2 database
7001 weblogic web
8009 ajp13 web
1099 java-rmi rpc
512 rexec admin
513 rlogin admin
514 rsh admin
5555 android-debug-bridge admin
8006 proxmox-ve orchestration
902 vmware-authd orchestration
9443 https-alternative web
4443 https-alternative web
3128 http-proxy proxy
1080 socks proxy
554 rtsp iot
502 modbus industrial
102 siemens-s7 industrial
8291 mikrotik-winbox network
4786 cisco-smart-install network
7547 cwmp network
179 bgp network
2380 etcd-peer orchestration
10255 kubelet-read-only orchestration
30000 kubernetes-nodeport orchestration
4194 cadvisor monitoring
9091 prometheus-pushgateway monitoring
9093 alertmanager monitoring
9100 node-exporter monitoring
5050 mesos-master orchestration
8089 splunkd monitoring

# Tier 2: common, and sensitive enough that an unplanned one is a finding.
81 http-alternative web
82 http-alternative web
8001 http-alternative web
8002 http-alternative web
8010 http-alternative web
8082 http-alternative web
8083 http-alternative web
8084 http-alternative web
8085 http-alternative web
8090 http-alternative web
8180 http-alternative web
8181 http-alternative web
8280 http-alternative web
8444 https-alternative web
8880 http-alternative web
8889 http-alternative web
9001 http-alternative web
9080 http-alternative web
9999 http-alternative web
10443 https-alternative web
3001 http-development development
4000 http-development development
4200 angular-development development
5001 http-development development
5173 vite development
6006 tensorboard development
8265 ray-dashboard orchestration
5901 vnc-1 admin
5902 vnc-2 admin
5800 vnc-http admin
5938 teamviewer admin
4899 radmin admin
6000 x11 admin
6001 x11-1 admin
3283 apple-remote-desktop admin
992 telnets admin
2323 telnet-alternative admin
22222 ssh-alternative admin
2200 ssh-alternative admin
830 netconf-ssh network
623 ipmi-rmcp admin
664 ipmi-rmcp-tls admin
16992 intel-amt admin
16993 intel-amt-tls admin
17988 hp-ilo-virtual-media admin
17990 hp-ilo-console admin
5120 bmc-virtual-media admin
5123 bmc-virtual-media admin
2082 cpanel admin
2083 cpanel-tls admin
2086 whm admin
2087 whm-tls admin
2095 webmail mail
2096 webmail-tls mail
8172 iis-web-deploy admin
8530 wsus admin
8531 wsus-tls admin
20000 usermin admin
1434 mssql-monitor database
1526 oracle-tns-alternative database
1522 oracle-tns-alternative database
1830 oracle-net8 database
2483 oracle-tns database
2484 oracle-tns-tls database
3050 firebird database
3351 pervasive-sql database
33060 mysql-x database
3307 mysql-alternative database
5433 postgresql-alternative database
5434 postgresql-alternative database
6432 pgbouncer database
6380 redis-tls database
16379 redis-cluster-bus database
26379 redis-sentinel database
27018 mongodb-shard database
27019 mongodb-config database
28017 mongodb-http database
9160 cassandra-thrift database
7000 cassandra-gossip database
7199 cassandra-jmx database
8091 couchbase database
11210 couchbase-data database
11207 couchbase-data-tls database
8529 arangodb database
28015 rethinkdb database
29015 rethinkdb-cluster database
26257 cockroachdb database
4001 etcd-legacy orchestration
8098 riak-http database
8087 riak-protobuf database
7687 neo4j-bolt database
7473 neo4j-https database
8983 solr database
9009 clickhouse-interserver database
8124 http-alternative web
9440 clickhouse-tls database
5439 redshift database
1527 derby database
8020 hdfs-namenode database
9870 hdfs-namenode-http database
50070 hdfs-namenode-http database
50075 hdfs-datanode-http database
8032 yarn-resource-manager orchestration
8042 yarn-node-manager orchestration
10002 hiveserver2-http database
9083 hive-metastore database
16000 hbase-master database
16010 hbase-master-http database
16020 hbase-region database
16030 hbase-region-http database
21000 impala database
7077 spark-master orchestration
4040 spark-application orchestration
18080 spark-history monitoring
8047 apache-drill database
5236 dameng database
30015 sap-hana database
30013 sap-hana-system database
54321 h2o-ai database
19530 milvus database
6333 qdrant database
6334 qdrant-grpc database
11434 ollama development
7700 meilisearch database
8108 typesense database
2377 docker-swarm orchestration
7946 docker-swarm-gossip orchestration
4243 docker-alternative orchestration
10256 kube-proxy-health orchestration
10257 kube-controller-manager orchestration
10259 kube-scheduler orchestration
10249 kube-proxy-metrics orchestration
10248 kubelet-health orchestration
9099 calico-felix-health orchestration
5473 calico-typha orchestration
16443 microk8s-api orchestration
9345 rke2-supervisor orchestration
8300 consul-server orchestration
8301 consul-serf-lan orchestration
8302 consul-serf-wan orchestration
8501 consul-https orchestration
8502 consul-grpc orchestration
8600 consul-dns orchestration
8201 vault-cluster orchestration
4647 nomad-rpc orchestration
4648 nomad-serf orchestration
5051 mesos-agent orchestration
8153 gocd development
4505 salt-publish orchestration
4506 salt-request orchestration
8140 puppet orchestration
10050 zabbix-agent monitoring
10051 zabbix-server monitoring
5666 nrpe monitoring
12489 nsclient monitoring
6556 checkmk-agent monitoring
4949 munin monitoring
8125 statsd monitoring
2003 graphite-carbon monitoring
2004 graphite-pickle monitoring
3100 loki monitoring
3200 tempo monitoring
4317 otlp-grpc monitoring
4318 otlp-http monitoring
9411 zipkin monitoring
16686 jaeger-query monitoring
14268 jaeger-collector monitoring
19999 netdata monitoring
9115 blackbox-exporter monitoring
9104 mysqld-exporter monitoring
9187 postgres-exporter monitoring
9121 redis-exporter monitoring
9113 nginx-exporter monitoring
9182 windows-exporter monitoring
9256 process-exporter monitoring
9116 snmp-exporter monitoring
9998 http-alternative web
9997 splunk-forwarder monitoring
5044 logstash-beats monitoring
9600 logstash-api monitoring
12201 graylog-gelf monitoring
24224 fluentd monitoring
1514 wazuh-agent monitoring
1515 wazuh-enrolment monitoring
55000 wazuh-api monitoring
601 syslog-tcp monitoring
6514 syslog-tls monitoring
161 snmp monitoring
199 smux monitoring
705 agentx monitoring
5671 amqps queue
25672 erlang-distribution queue
4369 erlang-portmapper rpc
61616 activemq-openwire queue
8161 activemq-console queue
61613 stomp queue
61614 stomp-websocket queue
8883 mqtts queue
4222 nats queue
6222 nats-cluster queue
8222 nats-monitoring queue
9094 kafka-external queue
6650 pulsar queue
6651 pulsar-tls queue
4150 nsqd queue
4151 nsqd-http queue
4161 nsqlookupd queue
1414 ibm-mq queue
7222 tibco-ems queue
5673 amqp-alternative queue
11300 beanstalkd queue
4730 gearman queue
5222 xmpp-client voice
5223 xmpp-client-tls voice
5269 xmpp-server voice
5280 xmpp-bosh voice
6667 irc voice
6697 irc-tls voice
24 private-mail mail
26 smtp-alternative mail
2525 smtp-alternative mail
366 on-demand-mail-relay mail
220 imap3 mail
106 poppassd mail
4190 managesieve mail
783 spamassassin mail
10024 amavis mail
10025 amavis-return mail
119 nntp mail
563 nntps mail
20 ftp-data file
548 afp file
990 ftps file
989 ftps-data file
2121 ftp-alternative file
3260 iscsi file
860 iscsi-system file
2811 gridftp file
6789 ceph-monitor file
3300 ceph-monitor-v2 file
6800 ceph-osd file
24007 glusterfs file
24008 glusterfs-management file
49152 glusterfs-brick file
9333 seaweedfs-master file
8333 seaweedfs-s3 file
4662 edonkey file
6881 bittorrent file
9418 git development
3690 subversion development
2401 cvs-pserver development
464 kpasswd directory
749 kerberos-admin directory
3268 ldap-global-catalogue directory
3269 ldap-global-catalogue-tls directory
49 tacacs directory
1812 radius directory
1813 radius-accounting directory
9389 ad-web-services directory
593 http-rpc-epmap rpc
113 ident directory
79 finger directory
43 whois directory
500 ike vpn
4500 ipsec-nat-traversal vpn
943 openvpn-access-server vpn
945 openvpn-access-server vpn
4433 ssl-vpn vpn
5060 sip voice
5061 sip-tls voice
1720 h323 voice
2000 cisco-sccp voice
5038 asterisk-manager voice
8021 freeswitch-events voice
3478 stun voice
5349 stun-tls voice
8118 privoxy proxy
9050 tor-socks proxy
9051 tor-control proxy
1081 socks-alternative proxy
808 http-proxy proxy
3129 http-proxy proxy
6082 varnish-admin admin
8404 haproxy-stats monitoring
1936 haproxy-stats monitoring
9901 envoy-admin admin
15000 istio-envoy-admin admin
15010 istio-discovery orchestration
15014 istio-control-plane orchestration
2019 caddy-admin admin
9002 http-alternative web

# Tier 3: application servers, debuggers, infrastructure, industrial and consumer devices.
4848 glassfish-admin admin
9990 wildfly-admin admin
9993 wildfly-admin-tls admin
9043 websphere-admin-tls admin
9060 websphere-admin admin
7002 weblogic-tls web
5556 weblogic-node-manager admin
8005 tomcat-shutdown admin
1098 java-rmi-activation rpc
1090 java-rmi rpc
4445 jboss-remoting rpc
4446 jboss-remoting rpc
4447 wildfly-remoting rpc
5005 java-debug-wire development
8787 java-debug-wire development
9229 node-inspector development
9222 chrome-devtools development
5858 node-debug development
5678 python-debugpy development
4444 selenium-hub development
2345 delve development
6060 go-pprof development
8786 dask-scheduler orchestration
50051 grpc rpc
7860 gradio development
8866 voila development
8188 http-alternative web
5002 http-development development
8111 teamcity development
3790 metasploit-web admin
55553 metasploit-rpc admin
1311 dell-openmanage admin
2301 hp-system-management admin
2381 hp-system-management-tls admin
3071 hp-csd admin
5480 vmware-appliance-admin admin
8697 vmware-rest admin
903 vmware-console orchestration
16509 libvirt orchestration
16514 libvirt-tls orchestration
8774 openstack-compute orchestration
8776 openstack-volume orchestration
9292 openstack-image orchestration
9696 openstack-network orchestration
35357 openstack-identity-admin orchestration
5355 llmnr network
6080 novnc admin
8775 openstack-metadata orchestration
5353 mdns network
853 dns-over-tls network
953 bind-rndc network
8053 bind-statistics network
5380 http-alternative web
646 ldp network
639 msdp network
2601 zebra-vty network
2602 ripd-vty network
2604 ospfd-vty network
2605 bgpd-vty network
6633 openflow network
6653 openflow network
6640 ovsdb network
6641 ovn-northbound network
6642 ovn-southbound network
8728 mikrotik-api network
8729 mikrotik-api-tls network
8043 omada-controller network
8843 unifi-portal-tls network
27117 unifi-database database
10001 ubiquiti-discovery network
2002 http-alternative web
57777 cisco-grpc network
9339 gnmi network
32764 router-backdoor network
53413 netis-backdoor network
5431 upnp-control network
2869 upnp-events network
49000 upnp-avm network
1900 ssdp network
4567 tr-069-alternative network
30005 cwmp-alternative network
58000 cwmp-alternative network
37777 dahua-dvr iot
34567 xiongmai-dvr iot
34599 xiongmai-dvr iot
8899 onvif iot
9530 dvr-backdoor iot
10554 rtsp-alternative iot
8554 rtsp-alternative iot
1935 rtmp iot
5683 coap iot
5684 coaps iot
1400 sonos iot
32400 plex iot
8096 jellyfin iot
9981 tvheadend iot
3689 daap iot
62078 apple-lockdownd iot
631 ipp print
515 lpd print
9101 bacula-director backup
9102 bacula-file backup
9103 bacula-storage backup
10080 amanda backup
1556 veritas-pbx backup
13720 netbackup backup
13724 netbackup backup
13782 netbackup backup
9392 veeam backup
9401 veeam backup
6160 veeam-agent backup
1500 tsm backup
8400 commvault backup
8403 commvault backup
2404 iec-60870-5-104 industrial
44818 ethernet-ip industrial
4840 opc-ua industrial
1911 niagara-fox industrial
4911 niagara-fox-tls industrial
789 redlion-crimson industrial
1962 pcworx industrial
5006 melsec-q industrial
5007 melsec-q-tcp industrial
18245 ge-srtp industrial
20547 proconos industrial
2455 codesys industrial
1217 codesys-gateway industrial
11740 codesys industrial
5094 hart-ip industrial
34962 profinet industrial
34964 profinet-context industrial
6668 tuya iot
55443 yeelight iot
3671 knx iot
20256 unitronics industrial
4059 dlms-cosem industrial
2761 dicom-isl medical
2762 dicom-tls medical
104 dicom medical
11112 dicom medical
2575 hl7-mllp medical
3299 saprouter business
3600 sap-message-server business
8101 sap-message-server-http business
50013 sap-start-service business
50014 sap-start-service-tls business
1352 lotus-notes business
1494 citrix-ica admin
2598 citrix-session-reliability admin
2512 citrix-ima admin
4172 pcoip admin
8442 vmware-blast admin
22443 vmware-blast admin
32111 vmware-usb admin
5631 pcanywhere admin
5500 vnc-listen admin
5903 vnc-3 admin
5904 vnc-4 admin
7070 anydesk admin
6568 anydesk admin
6129 dameware admin
5650 remote-utilities admin
21115 rustdesk admin
21116 rustdesk admin
21117 rustdesk admin
8040 screenconnect admin
8041 screenconnect-relay admin
3388 rdp-alternative admin
3390 rdp-alternative admin
3391 rdp-gateway admin
33389 rdp-alternative admin
33890 rdp-alternative admin
13389 rdp-alternative admin
1801 msmq queue
2103 msmq-rpc queue
2105 msmq-rpc queue
2107 msmq-rpc queue
2179 hyper-v-console orchestration
47001 winrm-listener admin
49153 windows-rpc-dynamic rpc
49154 windows-rpc-dynamic rpc
49155 windows-rpc-dynamic rpc
49156 windows-rpc-dynamic rpc
49157 windows-rpc-dynamic rpc
1025 windows-rpc-legacy rpc
1026 windows-rpc-legacy rpc
1027 windows-rpc-legacy rpc
42 wins network
7 echo legacy
9 discard legacy
11 systat legacy
13 daytime legacy
15 netstat legacy
17 qotd legacy
19 chargen legacy
37 time legacy
70 gopher legacy
540 uucp legacy
1 tcpmux legacy
524 novell-ncp file
2628 dict legacy
7100 x-font-server legacy
177 xdmcp admin
6010 x11-forwarded admin
8332 bitcoin-rpc finance
18332 bitcoin-testnet-rpc finance
9332 litecoin-rpc finance
8545 ethereum-rpc finance
8546 ethereum-websocket finance
30303 ethereum finance
18081 monero-rpc finance
3333 mining-stratum finance
14444 mining-stratum finance
26656 tendermint finance
26657 tendermint-rpc finance
8384 syncthing-gui file
22000 syncthing file
17500 dropbox-lan-sync file
51413 transmission file
58846 deluge-daemon file
8112 deluge-web file
25565 minecraft game
25575 minecraft-rcon game
27015 source-engine game
3724 world-of-warcraft game
6112 battle-net game
7777 unreal game
28960 call-of-duty game
64738 mumble voice
10011 teamspeak-query voice
30033 teamspeak-files voice
1337 backdoor-habit malware
31337 back-orifice malware
12345 netbus malware
6666 irc-alternative malware
6669 irc-alternative voice
1234 http-alternative web
4321 http-alternative web
5554 http-alternative web
9898 http-alternative web
"""

# Inclusive ranges, in this order.
PATTERNS = [
    (8000, 8100, "alternative web ports"),
    (9000, 9099, "alternative web and application ports"),
    (3000, 3010, "development servers"),
    (5000, 5010, "development servers"),
    (4000, 4010, "development servers"),
    (7000, 7010, "application servers"),
    (10000, 10010, "administration consoles"),
    (5900, 5910, "VNC displays"),
    (6000, 6010, "X11 displays"),
    (8180, 8190, "alternative web ports"),
    (8280, 8290, "alternative web ports"),
    (8440, 8450, "alternative TLS ports"),
    (8880, 8899, "alternative web ports"),
    (9440, 9450, "alternative TLS ports"),
    (9990, 9999, "administration consoles"),
    (2000, 2010, "application ports"),
    (5550, 5560, "application ports"),
    (6379, 6389, "further Redis instances"),
    (3306, 3310, "further MySQL instances"),
    (5432, 5440, "further PostgreSQL instances"),
    (27017, 27025, "further MongoDB instances"),
    (30000, 30050, "the start of the Kubernetes NodePort range"),
    (32768, 32785, "the start of Linux's ephemeral range"),
    (49152, 49175, "the start of IANA's dynamic range, Windows RPC"),
    (1024, 1040, "the first unprivileged ports"),
    (8800, 8820, "alternative web ports"),
    (9200, 9210, "further Elasticsearch instances"),
    (9300, 9310, "further Elasticsearch instances"),
    (7070, 7090, "application servers"),
    (6660, 6670, "IRC"),
    (20000, 20010, "application ports"),
    (50000, 50020, "application ports"),
    (8500, 8510, "application ports"),
    (8600, 8610, "application ports"),
    (8300, 8310, "application ports"),
    (8400, 8410, "application ports"),
    (9900, 9910, "application ports"),
    (18080, 18090, "application ports"),
]


def ranked_ports():
    ports = [int(line.split()[0]) for line in RANKED.splitlines()
             if line and not line.startswith("#")]
    repeated = {port for port in ports if ports.count(port) > 1}
    if repeated:
        sys.exit(f"RANKED has a port more than once: {sorted(repeated)}")
    return ports


def registered_ports(services):
    """The tcp ports of a services(5) file: those below 1024, then the others, ascending."""
    ports = set()
    for line in services.read_text(encoding="utf-8").splitlines():
        fields = line.split("#")[0].split()
        if len(fields) >= 2 and fields[1].endswith("/tcp"):
            ports.add(int(fields[1].split("/")[0]))
    return sorted(ports)


def pattern_ports():
    for first, last, _why in PATTERNS:
        yield from range(first, last + 1)


def derive(services):
    """The order, each port once."""
    order = dict.fromkeys(ranked_ports())
    order.update(dict.fromkeys(registered_ports(services)))
    order.update(dict.fromkeys(pattern_ports()))
    return list(order)


def lines_of(ports, width=94):
    line = ""
    for port in ports:
        item = f"{port},"
        if line and len(line) + 1 + len(item) > width:
            yield line
            line = ""
        line += (" " if line else "") + item
    yield line


def source(ports):
    rows = "\n".join(f"    {line}" for line in lines_of(ports))
    return f"""// Written by scripts/derive_top_ports.py; change the tables there, not this file.
#include "core/top_ports.h"

#include <array>

namespace postern {{
namespace {{

// clang-format off
constexpr std::array<std::uint16_t, {len(ports)}> kTopTcpPorts = {{
{rows}
}};
// clang-format on

}}  // namespace

std::span<const std::uint16_t> TopTcpPorts() {{ return kTopTcpPorts; }}

}}  // namespace postern
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--services", type=pathlib.Path, default=pathlib.Path("/etc/services"),
                        help="a services(5) file (default: %(default)s)")
    parser.add_argument("--check", action="store_true",
                        help="only compare: exit 1 if core/top_ports.cc is not what would be written")
    arguments = parser.parse_args()
    text = source(derive(arguments.services))
    if arguments.check:
        sys.exit(0 if TARGET.read_text(encoding="utf-8") == text else
                 f"{TARGET} differs from what {pathlib.Path(__file__).name} derives")
    TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
