import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";

const root = document.getElementById("app");
if (!root) throw new Error("index.html has no element with the id 'app'; add it back and rebuild the page");
mount(App, { target: root });
