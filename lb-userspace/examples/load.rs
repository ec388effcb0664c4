fn main() {
    let path = std::env::args().nth(1).unwrap();
    let mut l = aya::EbpfLoader::new();
    let mut b = l.load(&std::fs::read(path).unwrap()).unwrap();
    let p: &mut aya::programs::Xdp = b.program_mut("lb").unwrap().try_into().unwrap();
    match p.load() { Ok(()) => println!("OK {:?}", p.info().unwrap().verified_instruction_count()), Err(e) => { let mut c: Option<&dyn std::error::Error> = Some(&e); while let Some(x) = c { let t = x.to_string();  println!("...{}", &t[t.len().saturating_sub(1500)..]); c = x.source(); } } }
}
