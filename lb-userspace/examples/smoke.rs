fn main() {
    use lb_userspace::{datapath::kernel::*, model::*};
    tracing_subscriber::fmt().init();
    let b = Balancer {
        interfaces: vec![],
        snat_addresses: vec![],
        tables: TableSizes {
            flows: 65536,
            unproven_flows: 4096,
            services: 1024,
            backends: 1024,
            next_hops: 256,
        },
        admin_address: None,
    };
    let o = Options { pin_root: "/sys/fs/bpf/lbsmoke".into(), instance: "a".into() };
    match KernelDatapath::open(&b, &o) {
        Ok(dp) => println!("{:?}", lb_userspace::datapath::view::Inspect::facts(&dp)),
        Err(e) => {
            let mut c: Option<&dyn std::error::Error> = Some(&e);
            while let Some(x) = c {
                let t = x.to_string();
                println!("{}", &t[..t.len().min(300)]);
                println!("...{}", &t[t.len().saturating_sub(3000)..]);
                c = x.source();
            }
        }
    }
    KernelDatapath::detach(&o).unwrap();
}
